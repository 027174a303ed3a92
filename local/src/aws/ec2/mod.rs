//! Amazon EC2, as far as one asks it for the public address of a task: `DescribeNetworkInterfaces`.
//!
//! After the service model `ec2` 2016-11-15, its query protocol and "Error codes for the Amazon EC2 API". The
//! interfaces are those of the ECS tasks; EC2 keeps nothing of its own.

mod filter;
mod interface;
pub(crate) mod operation;
mod parameters;
pub(crate) mod permission;

use serde_json::Value;

pub(crate) use self::interface::NetworkInterface;
use self::{filter::Filter, parameters::Parameters};
use crate::aws::service::ServiceError;
use crate::plumbing::ids;
use crate::plumbing::paging::page;

/// Interfaces on a page when `MaxResults` is not given. There is no such limit in the model.
const UNLIMITED: usize = usize::MAX;

/// Answers `DescribeNetworkInterfaces` in XML. `interfaces` are all that there are.
///
/// # Errors
/// As EC2 names them. An id that there is none of fails the whole call.
pub(crate) fn describe_network_interfaces(
    mut interfaces: Vec<NetworkInterface>,
    input: &Value,
) -> Result<String, ServiceError> {
    interfaces.sort_by(|one, other| one.id.cmp(&other.id));
    let parameters = Parameters::of(input);
    let ids = parameters.list("NetworkInterfaceId");
    let size = page_size(&parameters, !ids.is_empty())?;
    let filters = parameters.structures("Filter").map(|filter| Filter::read(&filter)).collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        check_id(id)?;
        if !interfaces.iter().any(|interface| interface.id == *id) {
            let message = format!("The networkInterface ID '{id}' does not exist");
            return Err(ServiceError::new(400, "InvalidNetworkInterfaceID.NotFound", message));
        }
    }
    if parameters.text("DryRun").is_some_and(|dry| dry == "true") {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ServiceError::new(412, "DryRunOperation", message));
    }
    let asked_for = interfaces.iter().filter(|interface| ids.is_empty() || ids.contains(&interface.id.as_str()));
    let asked_for = asked_for.filter(|interface| filters.iter().all(|filter| filter.accepts(interface)));
    let asked_for = asked_for.map(|interface| (interface.id.as_str(), interface));
    let page = page("networkInterfaces", asked_for, size, parameters.text("NextToken"))
        .map_err(|_| ServiceError::new(400, "InvalidPaginationToken", "The pagination token is not valid."))?;
    let items: String = page.items.into_iter().map(NetworkInterface::to_xml).collect();
    let next = page.next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    let request_id = ids::uuid();
    Ok(format!(
        "<DescribeNetworkInterfacesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>{request_id}</requestId><networkInterfaceSet>{items}</networkInterfaceSet>{next}\
         </DescribeNetworkInterfacesResponse>"
    ))
}

/// `MaxResults` (5 to 1,000), which does not go with ids.
fn page_size(parameters: &Parameters<'_>, has_ids: bool) -> Result<usize, ServiceError> {
    let Some(text) = parameters.text("MaxResults") else { return Ok(UNLIMITED) };
    if has_ids {
        let message = "The parameter NetworkInterfaceIds cannot be used with the parameter MaxResults";
        return Err(ServiceError::new(400, "InvalidParameterCombination", message));
    }
    text.parse().ok().filter(|size| (5..=1_000).contains(size)).ok_or_else(|| {
        let message =
            format!("Value ( {text} ) for parameter maxResults is invalid. Expecting a value from 5 to 1000.");
        ServiceError::new(400, "InvalidParameterValue", message)
    })
}

fn check_id(id: &str) -> Result<(), ServiceError> {
    let digits = id.strip_prefix("eni-").unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'z')) {
        return Ok(());
    }
    let message = format!("Invalid id: \"{id}\" (expecting \"eni-...\")");
    Err(ServiceError::new(400, "InvalidNetworkInterfaceId.Malformed", message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn interface(id: &str, last: u8, public: bool) -> NetworkInterface {
        NetworkInterface {
            id: id.to_owned(),
            description: "arn:aws:ecs:us-east-1:000000000000:attachment/a&b".to_owned(),
            mac_address: "0e:00:00:00:00:01".to_owned(),
            private_ip: [10, 0, 0, last].into(),
            private_dns_name: "ip.ec2.internal".to_owned(),
            public_ip: public.then_some([198, 18, 0, last].into()),
            public_dns_name: "ec2.amazonaws.com".to_owned(),
            subnet: "subnet-1".to_owned(),
            security_groups: vec!["sg-1".to_owned()],
            availability_zone: "us-east-1a".to_owned(),
            is_attached: true,
        }
    }

    fn describe(input: Value) -> Result<String, &'static str> {
        let interfaces = (1..=7).rev().map(|last| interface(&format!("eni-{last}"), last, last == 1)).collect();
        describe_network_interfaces(interfaces, &input).map_err(|error| error.code)
    }

    fn ids(xml: &str) -> Vec<&str> {
        let parts = xml.split("<networkInterfaceId>").skip(1);
        parts.map(|part| part.split('<').next().unwrap_or_default()).collect()
    }

    #[test]
    fn an_interface_is_described_with_its_association() {
        let xml = describe(json!({"NetworkInterfaceId.1": "eni-1", "IncludeManagedResources": "true"})).unwrap();
        for part in [
            "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>",
            "<status>in-use</status>",
            "<privateIpAddress>10.0.0.1</privateIpAddress>",
            "<association><publicIp>198.18.0.1</publicIp><publicDnsName>ec2.amazonaws.com</publicDnsName>\
             <ipOwnerId>amazon</ipOwnerId></association>",
            "attachment/a&amp;b</description>",
            "<groupSet><item><groupId>sg-1</groupId><groupName>sg-1</groupName></item></groupSet>",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
        let without = describe(json!({"NetworkInterfaceId.1": "eni-2"})).unwrap();
        assert!(!without.contains("association"), "{without}");
    }

    #[test]
    fn one_unknown_id_fails_the_whole_call() {
        let known = json!({"NetworkInterfaceId.2": "eni-2", "NetworkInterfaceId.1": "eni-1"});
        assert_eq!(ids(&describe(known).unwrap()), ["eni-1", "eni-2"]);
        let one_unknown = json!({"NetworkInterfaceId.1": "eni-1", "NetworkInterfaceId.2": "eni-9"});
        assert_eq!(describe(one_unknown), Err("InvalidNetworkInterfaceID.NotFound"));
        assert_eq!(describe(json!({"NetworkInterfaceId.1": "demo"})), Err("InvalidNetworkInterfaceId.Malformed"));
    }

    #[test]
    fn a_filter_leaves_unknown_ids_out() {
        let filter = |name: &str, values: &[&str]| {
            let mut input = json!({"Filter.1.Name": name});
            for (number, value) in values.iter().enumerate() {
                input[format!("Filter.1.Value.{}", number + 1)] = json!(value);
            }
            input
        };
        let found = |input| describe(input).map(|xml| ids(&xml).join(","));
        let by_id = filter("network-interface-id", &["eni-3", "eni-9", "eni-1"]);
        assert_eq!(found(by_id), Ok("eni-1,eni-3".into()));
        assert_eq!(found(filter("addresses.private-ip-address", &["10.0.0.2"])), Ok("eni-2".into()));
        assert_eq!(found(filter("network-interface-id", &["eni-?"])).unwrap().len(), 7 * 6 - 1);
        assert_eq!(found(filter("subnet-id", &["subnet-2"])), Ok(String::new()));
        assert_eq!(found(filter("colour", &["red"])), Err("InvalidParameterValue"));
        assert_eq!(found(filter("network-interface-id", &["eni-1"; 200])), Ok("eni-1".into()));
        assert_eq!(found(filter("network-interface-id", &["eni-1"; 201])), Err("FilterLimitExceeded"));
        let mut both = filter("subnet-id", &["subnet-1"]);
        both["Filter.2.Name"] = json!("network-interface-id");
        both["Filter.2.Value.1"] = json!("eni-4");
        assert_eq!(found(both), Ok("eni-4".into()));
    }

    #[test]
    fn pages_lead_to_each_other_and_do_not_go_with_ids() {
        let first = describe(json!({"MaxResults": "5"})).unwrap();
        let next = first.split("<nextToken>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
        let second = describe(json!({"MaxResults": "5", "NextToken": next})).unwrap();
        assert_eq!((ids(&first).len(), ids(&second)), (5, vec!["eni-6", "eni-7"]));
        assert!(!second.contains("nextToken"));
        let with_ids = json!({"MaxResults": "5", "NetworkInterfaceId.1": "eni-1"});
        assert_eq!(describe(with_ids), Err("InvalidParameterCombination"));
        for size in ["4", "1001", "many"] {
            assert_eq!(describe(json!({"MaxResults": size})), Err("InvalidParameterValue"));
        }
        assert_eq!(describe(json!({"NextToken": "demo"})), Err("InvalidPaginationToken"));
    }

    #[test]
    fn a_dry_run_says_that_it_would_succeed() {
        assert_eq!(describe(json!({"DryRun": "true"})), Err("DryRunOperation"));
    }
}
