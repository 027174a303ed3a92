//! Answers in the shape of each protocol.

use serde_json::{Value, json};

use super::ServiceError;
use crate::plumbing::http_server::{self, Answer};
use crate::plumbing::ids;

/// How a service writes answers and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// DynamoDB.
    Json10,
    Json11,
    RestJson,
    /// REST JSON where the model names the text of an error `exceptionMessage`.
    RestJsonIvs,
    /// XML.
    Query,
    /// XML, where an error has another shape.
    Ec2Query,
}

/// A service's answer, and what the call log keeps of it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) error_code: Option<String>,
    /// The action that the caller's policy lacks, if that is why the call was refused.
    pub(crate) denied_action: Option<String>,
    /// DynamoDB's capacity units.
    pub(crate) consumed_capacity: Option<f64>,
}

impl Protocol {
    fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::RestJson | Self::RestJsonIvs => "application/json",
            Self::Query | Self::Ec2Query => "text/xml",
        }
    }

    /// A successful answer with a JSON body.
    pub(crate) fn success(self, output: &Value) -> Reply {
        if output.is_null() {
            // Such as DeleteChannel: the model has no output, and a response code of its own for that.
            return self.body(204, String::new());
        }
        self.body(200, output.to_string())
    }

    /// An answer with this body.
    pub(crate) fn body(self, status: u16, body: String) -> Reply {
        let answer = http_server::answer(status, self.content_type(), body);
        Reply { answer, error_code: None, denied_action: None, consumed_capacity: None }
    }

    /// An error.
    pub(crate) fn error(self, status: u16, code: &str, message: &str) -> Reply {
        let body = match self {
            Self::Json10 | Self::Json11 => json!({"__type": code, "message": message}).to_string(),
            Self::RestJson => {
                json!({"__type": code, "Type": "User", "message": message, "Message": message}).to_string()
            }
            Self::RestJsonIvs => json!({"__type": code, "exceptionMessage": message, "message": message}).to_string(),
            Self::Query => format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error></ErrorResponse>",
                xml_escape(message)
            ),
            Self::Ec2Query => format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{}</Message></Error></Errors>\
                 <RequestID>{}</RequestID></Response>",
                xml_escape(message),
                ids::uuid()
            ),
        };
        let mut reply = self.body(status, body);
        http_server::set_header(&mut reply.answer, "x-amzn-errortype", code);
        reply.error_code = Some(code.to_owned());
        reply
    }

    /// The error of a service.
    pub(crate) fn service_error(self, error: &ServiceError) -> Reply {
        let mut reply = self.error(error.status, error.code, &error.message);
        if let Some(members) = error.members.as_object() {
            let mut body = json!({"__type": error.code, "message": error.message});
            members.iter().for_each(|(name, value)| body[name] = value.clone());
            reply.answer = http_server::answer(error.status, self.content_type(), body.to_string());
            http_server::set_header(&mut reply.answer, "x-amzn-errortype", error.code);
        }
        reply
    }
}

/// Text as XML holds it.
pub(crate) fn xml_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
