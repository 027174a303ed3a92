//! What a request says, parsed at once: every bad field is collected before the first is reported.

use std::str::FromStr;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use serde_json::{Map, Value};

use model::Error;
use model::error::FieldError;
use model::{Field, UserId};

/// The longest body that is read, in bytes. The largest valid one holds 1 KB of attributes, escaped at worst.
pub const MAX_BODY: usize = 16 * 1024;

/// Reads a request's path, query and body, and remembers what was wrong with them.
pub struct Input<'a> {
    request: &'a Request,
    body: Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Input<'a> {
    /// Of a request whose body, if any, does not matter.
    pub fn without_body(request: &'a Request) -> Self {
        Self { request, body: Map::new(), known: Vec::new(), errors: Vec::new() }
    }

    /// Of a request with a JSON object as its body. No body at all counts as an empty object.
    ///
    /// # Errors
    /// [`Error::BodyTooLarge`], [`Error::UnsupportedMediaType`], [`Error::MalformedBody`].
    pub fn with_body(request: &'a Request) -> Result<Self, Error> {
        let bytes: &[u8] = request.body();
        if bytes.len() > MAX_BODY {
            return Err(Error::BodyTooLarge { limit: MAX_BODY });
        }
        let mut input = Self::without_body(request);
        if !bytes.is_empty() {
            if !is_json(request) {
                return Err(Error::UnsupportedMediaType);
            }
            input.body = match serde_json::from_slice(bytes) {
                Ok(Value::Object(body)) => body,
                Ok(_) => return Err(Error::MalformedBody("it is JSON of another type".to_owned())),
                Err(error) => return Err(Error::MalformedBody(error.to_string())),
            };
        }
        Ok(input)
    }

    /// Who calls: the `sub` claim that API Gateway's authorizer has verified.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the token has none that can be used.
    pub fn caller(&self) -> Result<UserId, Error> {
        let Some(RequestContext::ApiGatewayV2(context)) = self.request.request_context_ref() else {
            return Err(Error::Unauthenticated);
        };
        let jwt = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
        let sub = jwt.and_then(|jwt| jwt.claims.get("sub")).ok_or(Error::Unauthenticated)?;
        sub.parse().map_err(|_| Error::Unauthenticated)
    }

    /// A parameter of the path.
    pub fn path<T: FromStr<Err: ToString>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.request.path_parameters_ref().and_then(|path| path.first(name)).unwrap_or_default();
        self.keep(name, text.parse())
    }

    /// A parameter of the query; `Some(None)` when absent.
    pub fn query<T: FromStr<Err: ToString>>(&mut self, name: &'static str) -> Option<Option<T>> {
        match self.request.query_string_parameters_ref().and_then(|query| query.first(name)) {
            Some(text) => self.keep(name, text.parse()).map(Some),
            None => Some(None),
        }
    }

    /// A field of the body; `Some(None)` when absent.
    pub fn field<T: Field>(&mut self, name: &'static str) -> Option<Option<T>> {
        self.known.push(name);
        match self.body.remove(name) {
            Some(value) => self.keep(name, T::deserialize(value).map_err(|_| T::RULE)).map(Some),
            None => Some(None),
        }
    }

    /// A field of the body that must be there.
    pub fn required<T: Field>(&mut self, name: &'static str) -> Option<T> {
        match self.field(name) {
            Some(None) => self.keep(name, Err(format!("is missing: it {}", T::RULE))),
            value => value.flatten(),
        }
    }

    /// Notes a rule that no single field breaks.
    pub fn reject(&mut self, field: &'static str, reason: &str) {
        self.errors.push(FieldError::new(field, reason));
    }

    fn keep<T, E: ToString>(&mut self, name: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.errors.push(FieldError::new(name, error.to_string()))).ok()
    }

    /// The values, if every one was valid and the body held no other field.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] with every bad field.
    pub fn finish<V: Values>(mut self, values: V) -> Result<V::Valid, Error> {
        let known = self.known.join(", ");
        for field in self.body.keys() {
            let reason = if known.is_empty() {
                "is not a field of this request, which takes none".to_owned()
            } else {
                format!("is not a field of this request, which takes {known}")
            };
            self.errors.push(FieldError::new(field, reason));
        }
        match values.valid() {
            Some(values) if self.errors.is_empty() => Ok(values),
            _ => Err(Error::InvalidRequest(self.errors)),
        }
    }
}

/// Parsed values together: a tuple of options that becomes a tuple.
pub trait Values {
    /// The tuple without the options.
    type Valid;

    /// `None` if any is.
    fn valid(self) -> Option<Self::Valid>;
}

macro_rules! values {
    ($($name:ident),+) => {
        impl<$($name),+> Values for ($(Option<$name>,)+) {
            type Valid = ($($name,)+);

            #[expect(non_snake_case, reason = "the names of the types serve for the values")]
            fn valid(self) -> Option<Self::Valid> {
                let ($($name,)+) = self;
                Some(($($name?,)+))
            }
        }
    };
}

values!(A);
values!(A, B);
values!(A, B, C);
values!(A, B, C, D);
values!(A, B, C, D, E);
values!(A, B, C, D, E, F);

/// `application/json`, with or without parameters.
fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use lambda_http::Body;
    use proptest::prelude::*;

    use super::*;
    use model::participant::TokenDuration;
    use model::{Limit, StageName};

    fn request(content_type: &str, body: &str) -> Request {
        let request = lambda_http::http::Request::builder().header("content-type", content_type);
        let request = request.body(Body::from(body)).unwrap();
        request
            .with_path_parameters(
                [("stage".to_owned(), "no spaces".to_owned())].into_iter().collect::<std::collections::HashMap<_, _>>(),
            )
            .with_query_string_parameters(
                [("limit".to_owned(), "0".to_owned())].into_iter().collect::<std::collections::HashMap<_, _>>(),
            )
    }

    #[test]
    fn every_bad_field_is_reported_at_once() {
        let request = request("application/json", r#"{"durationMinutes": 0, "live": "yes", "colour": 1}"#);
        let mut input = Input::with_body(&request).unwrap();
        let values = (
            input.path::<StageName>("stage"),
            input.query::<Limit>("limit"),
            input.field::<TokenDuration>("durationMinutes"),
            input.field::<bool>("live"),
        );
        let Err(Error::InvalidRequest(errors)) = input.finish(values) else { panic!("accepted") };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["stage", "limit", "durationMinutes", "live", "colour"]);
    }

    #[test]
    fn no_body_is_an_empty_object() {
        let request = request("text/plain", "");
        let mut input = Input::with_body(&request).unwrap();
        let live = input.field::<bool>("live");
        assert_eq!(input.finish((live,)).unwrap(), (None,));
    }

    #[test]
    fn a_body_must_be_a_json_object_of_the_right_type_and_length() {
        let refused = |content_type, body: &str| Input::with_body(&request(content_type, body)).err();
        assert!(refused("Application/JSON; charset=utf-8", "{}").is_none());
        assert!(matches!(refused("text/plain", "{}"), Some(Error::UnsupportedMediaType)));
        assert!(matches!(refused("application/json", "{"), Some(Error::MalformedBody(_))));
        assert!(matches!(refused("application/json", "[]"), Some(Error::MalformedBody(_))));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BODY));
        assert!(matches!(refused("application/json", &long), Some(Error::BodyTooLarge { limit: MAX_BODY })));
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused_without_a_panic(body in ".{0,300}") {
            let request = request("application/json", &body);
            if let Ok(mut input) = Input::with_body(&request) {
                let live = input.field::<bool>("live");
                let _ = input.finish((live,));
            }
        }
    }
}
