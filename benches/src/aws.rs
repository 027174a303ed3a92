//! AWS, as far as a fetch and a mint call it: there is one stage, nobody holds a token for it, and whatever is written is
//! taken. It looks at no signature.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_rustls::TlsAcceptor;

use crate::certificates::pem;
use crate::connections::Server;

/// The tables, as the functions are told.
pub(crate) const STAGES: &str = "bench-stages";
pub(crate) const PARTICIPANTS: &str = "bench-participants";

/// The endpoints of DynamoDB and of every other service: a function has a connection to each, as to AWS's.
pub(crate) struct Endpoint {
    dynamodb: Server,
    others: Server,
    calls: Rc<Cell<u64>>,
}

/// What is answered, to each operation.
struct Answers {
    row: Bytes,
    rows: Bytes,
    secret: Bytes,
    token: Bytes,
}

impl Endpoint {
    /// One whose stage was made just now.
    ///
    /// # Errors
    /// No free port; what the library fails with.
    pub(crate) async fn open(tls: TlsAcceptor, now: OffsetDateTime) -> anyhow::Result<Self> {
        let (answers, calls) = (Rc::new(Answers::new(now)?), Rc::new(Cell::new(0)));
        let server = async |tls| {
            let (answers, calls) = (Rc::clone(&answers), Rc::clone(&calls));
            let answer = async move |request: Request<Incoming>| {
                calls.set(calls.get() + 1);
                let (parts, body) = request.into_parts();
                let _ = body.collect().await;
                let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
                answers.to(target.unwrap_or_else(|| parts.uri.path()))
            };
            Server::open(Some(tls), answer).await
        };
        let (dynamodb, others) = (server(tls.clone()).await?, server(tls).await?);
        Ok(Self { dynamodb, others, calls })
    }

    /// What variables name them. Hosts have a name, so that it is looked up as AWS's are.
    pub(crate) fn urls(&self) -> [(&'static str, String); 2] {
        let url = |server: &Server| format!("https://localhost:{}", server.port);
        [("AWS_ENDPOINT_URL_DYNAMODB", url(&self.dynamodb)), ("AWS_ENDPOINT_URL", url(&self.others))]
    }

    /// How often it was called.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// How many connections each has had, DynamoDB's first.
    pub(crate) fn connections(&self) -> [u64; 2] {
        [&self.dynamodb, &self.others].map(Server::accepted)
    }
}

impl Answers {
    fn new(now: OffsetDateTime) -> anyhow::Result<Self> {
        let now = now.replace_nanosecond(0)?.format(&Rfc3339)?;
        let row = json!({
            "name": {"S": "demo"},
            "status": {"S": "active"},
            "owner": {"S": "alice"},
            "arn": {"S": "arn:aws:ivs:us-east-1:123456789012:stage/oRmLNwuCeMlQ"},
            "live": {"BOOL": true},
            "admission": {"S": "open"},
            "eventsUrl": {"S": "wss://global.events.live-video.net"},
            "whipUrl": {"S": "https://114ddfabadaf.global-bm.whip.live-video.net"},
            "endpointsFetchedAt": {"S": now},
            "createdAt": {"S": now},
            "listedAt": {"S": now},
            "counted": {"BOOL": true},
        });
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let secret = json!({
            "keyId": "arn:aws:ivs:us-east-1:123456789012:public-key/aBcDeFgHiJkL",
            "privateKey": pem("PRIVATE KEY", key.serialized_der()),
        });
        let bytes = |value: Value| Bytes::from(value.to_string());
        Ok(Self {
            row: bytes(json!({"Item": row})),
            rows: bytes(json!({"Responses": {STAGES: [row], PARTICIPANTS: []}, "UnprocessedKeys": {}})),
            secret: bytes(json!({
                "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:bench-aBcDeF",
                "Name": "bench",
                "VersionId": "6b1e24d4-62a8-4f6a-9c0a-3f7f4f1f9f55",
                "VersionStages": ["AWSCURRENT"],
                "SecretString": secret.to_string(),
                "CreatedDate": 1_767_225_600,
            })),
            token: bytes(json!({"participantToken": {
                "participantId": "Mx6clRRHODPy",
                "token": "minted.by.ivs",
                "userId": "bob",
                "expirationTime": "2099-01-01T00:00:00Z",
            }})),
        })
    }

    /// By what an `X-Amz-Target` says, or the path of a service that has none.
    fn to(&self, operation: &str) -> Response<Full<Bytes>> {
        let (status, kind, body) = match operation {
            "DynamoDB_20120810.GetItem" => (200, "application/x-amz-json-1.0", self.row.clone()),
            "DynamoDB_20120810.BatchGetItem" => (200, "application/x-amz-json-1.0", self.rows.clone()),
            "DynamoDB_20120810.PutItem" | "DynamoDB_20120810.UpdateItem" => {
                (200, "application/x-amz-json-1.0", Bytes::from_static(b"{}"))
            }
            "secretsmanager.GetSecretValue" => (200, "application/x-amz-json-1.1", self.secret.clone()),
            "/CreateParticipantToken" => (200, "application/json", self.token.clone()),
            // Who connects ahead asks for nothing.
            "/" => (200, "text/plain", Bytes::from_static(b"healthy: dynamodb.us-east-1.amazonaws.com ")),
            // The function fails, and the run with it.
            _ => (400, "application/json", Bytes::from(json!({"__type": "UnknownOperationException"}).to_string())),
        };
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        let id = http::HeaderValue::from_static("4KBNVRGD25RG1KEO9UT4V3FQDJVV4KQNSO5AEMVJF66Q9ASUAAJG");
        answer.headers_mut().insert("x-amzn-requestid", id);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_is_none_of_a_fetchs_or_a_mints_is_refused() {
        let answers = Answers::new(OffsetDateTime::UNIX_EPOCH).unwrap();
        for known in ["DynamoDB_20120810.GetItem", "secretsmanager.GetSecretValue", "/CreateParticipantToken", "/"] {
            assert_eq!(answers.to(known).status(), 200, "{known}");
        }
        for unknown in ["DynamoDB_20120810.Scan", "/CreateStage", ""] {
            assert_eq!(answers.to(unknown).status(), 400, "{unknown}");
        }
    }
}
