//! What a request says, parsed at once: every bad field is collected before the first is reported.

use std::str::FromStr;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use model::error::FieldError;
use model::{Error, Field, UserId};
use serde_json::{Map, Value};

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

    /// The user whom a parameter of the path names: see [`UserId::from_path`].
    pub fn user_in_path(&mut self, name: &'static str) -> Option<UserId> {
        let text = self.request.path_parameters_ref().and_then(|path| path.first(name)).unwrap_or_default();
        self.keep(name, UserId::from_path(text))
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
    use std::cell::Cell;

    use lambda_http::Body;
    use model::participant::{Attributes, Capabilities, TokenDuration};
    use model::{Limit, StageName};
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use serde_json::json;

    use super::*;

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
        let request = request("application/json", r#"{"durationMinutes": 0, "renew": "yes", "colour": 1}"#);
        let mut input = Input::with_body(&request).unwrap();
        let values = (
            input.path::<StageName>("stage"),
            input.query::<Limit>("limit"),
            input.field::<TokenDuration>("durationMinutes"),
            input.field::<bool>("renew"),
        );
        let Err(Error::InvalidRequest(errors)) = input.finish(values) else { panic!("accepted") };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["stage", "limit", "durationMinutes", "renew", "colour"]);
    }

    #[test]
    fn no_body_is_an_empty_object() {
        let request = request("text/plain", "");
        let mut input = Input::with_body(&request).unwrap();
        let renew = input.field::<bool>("renew");
        assert_eq!(input.finish((renew,)).unwrap(), (None,));
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

    /// A body near the valid form: each field with a right value, a wrong one or none, perhaps a field that is none,
    /// and perhaps broken off. With it: how many fields are there, and which of them are wrong.
    fn bodies() -> impl Strategy<Value = (String, usize, Vec<String>)> {
        let any_json = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,9}".prop_map(Value::from),
            prop::collection::vec(".{0,3}", 0..3).prop_map(Value::from),
            Just(json!({"a": {"b": []}})),
        ];
        let duration = (1u16..=20160).prop_map(Value::from);
        let capabilities = prop::sample::subsequence(vec!["PUBLISH", "SUBSCRIBE"], 1..=2).prop_map(Value::from);
        let attributes = prop::collection::btree_map("\\PC{1,9}", "\\PC{0,20}", 0..5).prop_map(|map| json!(map));
        let fields = [
            ("durationMinutes", duration.boxed()),
            ("capabilities", capabilities.boxed()),
            ("attributes", attributes.boxed()),
            ("renew", any::<bool>().prop_map(Value::from).boxed()),
        ];
        let fields = fields.map(|(name, right)| {
            prop_oneof![
                6 => right.prop_map(move |value| Some((name, value))),
                1 => any_json.clone().prop_map(move |value| Some((name, value))),
                2 => Just(None),
            ]
        });
        let [a, b, c, d] = fields;
        let unknown = prop::option::weighted(0.1, ("[a-zA-Z]{0,8}", any_json));
        (a, b, c, d, unknown, 0..12, any::<prop::sample::Index>()).prop_map(|(a, b, c, d, unknown, cuts, at)| {
            let known: Map<String, Value> =
                [a, b, c, d].into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect();
            let is_right = |name: &str, value: &Value| match name {
                "durationMinutes" => {
                    value.as_f64().is_some_and(|minutes| minutes.fract() == 0.0 && (1.0..=20160.0).contains(&minutes))
                }
                "capabilities" => value.as_array().is_some_and(|list| {
                    !list.is_empty() && list.iter().all(|it| *it == "PUBLISH" || *it == "SUBSCRIBE")
                }),
                "attributes" => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
                _ => value.is_boolean(),
            };
            let mut wrong: Vec<String> =
                known.iter().filter(|(name, value)| !is_right(name, value)).map(|(name, _)| name.clone()).collect();
            let mut body = known;
            if let Some((name, value)) = unknown.filter(|(name, _)| name != "renew") {
                wrong.push(name.clone());
                body.insert(name, value);
            }
            let (count, mut text) = (body.len(), Value::from(body).to_string());
            if cuts == 0 {
                text = text.chars().take(at.index(text.len())).collect();
            }
            (text, count, wrong)
        })
    }

    #[test]
    fn each_field_of_any_body_is_read_or_named_and_what_is_no_object_is_refused() {
        const CASES: u32 = 2048;
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let (objects, fields, right, refused) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
        let add = |counter: &Cell<usize>, more: usize| counter.set(counter.get() + more);
        let checked = TestRunner::new(config).run(&bodies(), |(body, count, mut wrong)| {
            let request = request("application/json", &body);
            let mut input = match Input::with_body(&request) {
                Ok(input) => input,
                Err(error) => {
                    prop_assert!(matches!(error, Error::MalformedBody(_)), "{}: {:?}", body, error);
                    prop_assert!(serde_json::from_str::<Value>(&body).is_err());
                    return Ok(());
                }
            };
            if body.is_empty() {
                return Ok(());
            }
            add(&objects, 1);
            add(&fields, count);
            let values = (
                input.field::<TokenDuration>("durationMinutes"),
                input.field::<Capabilities>("capabilities"),
                input.field::<Attributes>("attributes"),
                input.field::<bool>("renew"),
            );
            match input.finish(values) {
                Ok((duration, capabilities, attributes, renew)) => {
                    prop_assert!(wrong.is_empty(), "{}", body);
                    let values = [duration.is_some(), capabilities.is_some(), attributes.is_some(), renew.is_some()];
                    prop_assert_eq!(values.into_iter().filter(|is_there| *is_there).count(), count, "{}", body);
                    add(&right, 1);
                }
                Err(Error::InvalidRequest(errors)) => {
                    let mut named: Vec<String> = errors.into_iter().map(|error| error.field).collect();
                    named.sort();
                    wrong.sort();
                    prop_assert_eq!(named, wrong, "{}", body);
                    add(&refused, 1);
                }
                Err(error) => prop_assert!(false, "{}: {:?}", body, error),
            }
            Ok(())
        });
        checked.unwrap_or_else(|failure| panic!("{failure}"));
        let cases = usize::try_from(CASES).unwrap();
        assert!(objects.get() > cases * 3 / 4, "{objects:?} of {CASES} were JSON objects");
        assert!(fields.get() > cases * 2, "{fields:?} fields in {CASES} bodies");
        assert!(right.get() > cases / 5 && refused.get() > cases / 5, "{right:?} right, {refused:?} wrong");
    }
}
