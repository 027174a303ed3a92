//! AWS STS: credentials, and who calls.

pub(crate) mod callers;
pub(crate) mod operation;

use self::callers::Caller;
use crate::aws::service::ACCOUNT;
use crate::aws::service::call::Call;
use crate::aws::service::reply::{Reply, xml_escape};

/// `GetCallerIdentity`. Everyone may ask.
pub(crate) fn get_caller_identity(caller: &Caller, call: &Call) -> Reply {
    if call.operation != "GetCallerIdentity" {
        return call.service.unknown_operation(&call.operation);
    }
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{}</Arn><UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>",
        xml_escape(&caller.arn())
    );
    call.service.protocol().body(200, body)
}
