//! Filters of a description: any of its values must match, and so must every filter.

use super::{NetworkInterface, parameters::Parameters};
use crate::aws::service::ServiceError;
use crate::plumbing::wildcard::Wildcard;

/// Values of one filter (`DescribeNetworkInterfaces` in the API reference).
const MAX_VALUES: usize = 200;

/// What a filter looks at.
type Attribute = fn(&NetworkInterface) -> String;

const ATTRIBUTES: [(&str, Attribute); 7] = [
    ("network-interface-id", |interface| interface.id.clone()),
    ("addresses.private-ip-address", |interface| interface.private_ip.to_string()),
    ("private-ip-address", |interface| interface.private_ip.to_string()),
    ("mac-address", |interface| interface.mac_address.clone()),
    ("subnet-id", |interface| interface.subnet.clone()),
    ("availability-zone", |interface| interface.availability_zone.clone()),
    ("status", |interface| interface.status().to_owned()),
];

pub(super) struct Filter {
    attribute: Attribute,
    /// `*` and `?` are wildcards in a filter, too.
    values: Vec<Wildcard>,
}

impl Filter {
    /// Reads `Name` and `Value.1`, `Value.2` and so on.
    ///
    /// # Errors
    /// A filter that the local cloud does not have, or too many values.
    pub(super) fn read(parameters: &Parameters<'_>) -> Result<Self, ServiceError> {
        let name = parameters.text("Name").unwrap_or_default();
        let Some((_, attribute)) = ATTRIBUTES.into_iter().find(|(known, _)| *known == name) else {
            return Err(ServiceError::new(400, "InvalidParameterValue", format!("The filter '{name}' is invalid")));
        };
        let values = parameters.list("Value");
        if values.len() > MAX_VALUES {
            let message = "The maximum number of filter values specified on a single call is 200";
            return Err(ServiceError::new(400, "FilterLimitExceeded", message));
        }
        Ok(Self { attribute, values: values.into_iter().map(Wildcard::iam).collect() })
    }

    pub(super) fn accepts(&self, interface: &NetworkInterface) -> bool {
        let attribute = (self.attribute)(interface);
        self.values.iter().any(|value| value.matches(&attribute))
    }
}
