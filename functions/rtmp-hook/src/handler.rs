//! Check the secret, decode, call one operation, answer in the status codes that nginx-rtmp reads.

use aws_rtmp_hook::{Heard, HookSecret, HookTables, hear};
use lambda::http::{Failure, Input, MAX_BODY, Reply, route};
use lambda_http::Request;
use lambda_http::http::HeaderValue;
use model::error::{Denial, FieldError};
use model::rtmp_hook::{self, Call, Unreadable};
use model::self_hosted::StreamName;
use model::{Error, Timestamp};

use crate::route::Route;

/// What the route needs.
pub(crate) struct Handler {
    pub(crate) tables: HookTables,
    pub(crate) secret: HookSecret,
}

/// Proves that nginx's forwarder calls.
const SECRET: &str = "x-hook-secret";
/// Which run of nginx calls.
const RUN: &str = "x-nginx-run";

impl Handler {
    pub(crate) async fn handle(&self, request: Request) -> Result<Reply, Failure> {
        match Route::of(route(&request)) {
            Some(Route::Notify) => self.notify(&request, Timestamp::now()).await,
            None => Err(Error::NotFound("route").into()),
        }
    }

    /// nginx-rtmp takes any 2xx for yes, any 3xx for a yes under the name of its `location`, and all else for no.
    async fn notify(&self, request: &Request, now: Timestamp) -> Result<Reply, Failure> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !self.secret.is(header(SECRET), now).await? {
            return Err(Error::Forbidden(Denial::HookSecret).into());
        }
        Input::none(request)?;
        let body: &[u8] = request.body();
        if body.len() > MAX_BODY {
            return Err(Error::BodyTooLarge { limit: MAX_BODY }.into());
        }
        let run = header(RUN);
        if run.len() > 64 || !run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(invalid(RUN, "must be up to 64 characters of A-Z, a-z, 0-9 and -").into());
        }
        let notification = rtmp_hook::read(body).map_err(|error| {
            let (Unreadable::Misplaced(field) | Unreadable::NoNumber(field)) = error;
            invalid(field, "is not as nginx-rtmp writes it")
        })?;
        let Some(notification) = notification else { return Ok(Reply::no_content()) };
        let (stream, is_live) = match hear(&self.tables, now, run, &notification).await? {
            Heard::Of { stream, is_live } => (stream, is_live),
            Heard::Nothing => return Ok(Reply::no_content()),
            Heard::Refused { denial, stream } => {
                let refused = Failure::from(Error::Forbidden(denial)).log("call", "publish");
                let Some(StreamName { channel, quality, .. }) = stream else { return Err(refused) };
                return Err(refused.log("channel", channel.as_str()).log("quality", quality.as_str()));
            }
        };
        let reply = match notification.call {
            // From here on, nginx knows it by a name that is no secret.
            Call::Publish if stream.key.is_some() => {
                Reply::found(HeaderValue::try_from(stream.public()).map_err(Error::internal)?)
            }
            _ => Reply::no_content(),
        };
        let call = match notification.call {
            Call::Publish => "publish",
            Call::PublishDone => "publish_done",
            Call::Update { .. } => "update_publish",
        };
        let state = if is_live { "live" } else { "offline" };
        let reply = reply.log("channel", stream.channel.as_str()).log("quality", stream.quality.as_str());
        Ok(reply.log("call", call).log("stream.state", state))
    }
}

fn invalid(field: &str, reason: &str) -> Error {
    Error::InvalidRequest(vec![FieldError::new(field, reason)])
}
