//! The errors, with the members that the model requires of them.

use serde_json::{Value, json};

use crate::aws::service::ServiceError;
use crate::aws::video::error;

/// There are as many rooms as there may be.
pub(super) fn too_many_rooms(limit: usize) -> ServiceError {
    let mut members = about("");
    members["limit"] = json!(limit);
    error::quota_exceeded(format!("You have reached the quota of {limit} rooms")).with(members)
}

/// A refusal with what the model asks of it: `reason` for bad input, `limit` for a rate, and which resource it is about.
pub(super) fn complete(error: ServiceError, input: &Value, rate: f64) -> ServiceError {
    if !error.members.is_null() {
        return error;
    }
    let named = ["identifier", "roomIdentifier", "resourceArn"].iter().find_map(|member| input[member].as_str());
    let mut members = about(named.unwrap_or_default());
    match error.code {
        "ValidationException" => members = json!({"reason": "FIELD_VALIDATION_FAILED", "fieldList": []}),
        // Whole in the model; what is set here may be a fraction.
        "ThrottlingException" => {
            members["limit"] = format!("{:.0}", rate.ceil()).parse::<i64>().unwrap_or_default().into()
        }
        "ResourceNotFoundException" => {}
        _ => return error,
    }
    error.with(members)
}

/// Rooms are the only type of the model.
fn about(arn: &str) -> Value {
    json!({"resourceId": arn.rsplit('/').next().unwrap_or_default(), "resourceType": "ROOM"})
}
