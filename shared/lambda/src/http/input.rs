//! What a request says, parsed at once: every bad field is collected before the first is reported.

use std::collections::BTreeMap;
use std::str::FromStr;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use model::creator::CreatorClaim;
use model::error::FieldError;
use model::{Error, Field, List, Position, UserId};
use serde_json::{Map, Value};

use super::serve::route;

/// The longest body that is read, in bytes. The largest valid one holds 1 KB of attributes, escaped at worst.
pub const MAX_BODY: usize = 16 * 1024;

/// Reads a request's path, query and body, and remembers what was wrong with them.
pub struct Input<'a> {
    request: &'a Request,
    body: Map<String, Value>,
    known: Vec<&'static str>,
    /// The parameters of the query, and how often each is given.
    query: BTreeMap<&'a str, usize>,
    known_in_query: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl<'a> Input<'a> {
    /// Of a request whose body, if any, does not matter.
    pub fn without_body(request: &'a Request) -> Self {
        let mut query = BTreeMap::new();
        for (name, _) in request.query_string_parameters_ref().into_iter().flat_map(|query| query.iter()) {
            *query.entry(name).or_default() += 1;
        }
        Self { request, body: Map::new(), known: Vec::new(), query, known_in_query: Vec::new(), errors: Vec::new() }
    }

    /// For a route that takes neither path parameters nor a query.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] with every parameter of the query.
    pub fn none(request: &'a Request) -> Result<(), Error> {
        Self::without_body(request).finish(())
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
        let sub = self.claim("sub").ok_or(Error::Unauthenticated)?;
        sub.parse().map_err(|_| Error::Unauthenticated)
    }

    /// Whether the caller may create: everybody may where no claim is named.
    pub fn may_create(&self, creators: Option<&CreatorClaim>) -> bool {
        creators.is_none_or(|creators| creators.is_in(|name| self.claim(name)))
    }

    /// A claim of the verified token, as API Gateway has put it into words.
    fn claim(&self, name: &str) -> Option<&'a str> {
        let Some(RequestContext::ApiGatewayV2(context)) = self.request.request_context_ref() else { return None };
        let jwt = context.authorizer.as_ref()?.jwt.as_ref()?;
        jwt.claims.get(name).map(String::as_str)
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

    /// A parameter of the query; `Some(None)` when absent. It may be given once.
    pub fn query<T: FromStr<Err: ToString>>(&mut self, name: &'static str) -> Option<Option<T>> {
        self.read_query(name, str::parse)
    }

    /// The list that the request asks for: that of its route and path, for its caller if it has one.
    pub fn list(&self) -> List {
        let path = self.request.path_parameters_ref().into_iter().flat_map(|path| path.iter());
        let path: BTreeMap<_, _> = path.collect();
        let list = path.into_values().fold(List::new(route(self.request)), List::of);
        match self.caller() {
            Ok(caller) => list.of(caller),
            Err(_) => list,
        }
    }

    /// The parameter `cursor` of the query, where a page of the list begins; `Some(None)` when absent.
    pub fn cursor<P: Position>(&mut self, list: &List) -> Option<Option<P>> {
        self.read_query("cursor", |text| list.position(text))
    }

    fn read_query<T, E: ToString>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        self.known_in_query.push(name);
        match self.request.query_string_parameters_ref().and_then(|query| query.first(name)) {
            Some(_) if self.query.get(name).is_some_and(|count| *count > 1) => {
                self.keep(name, Err("is given more than once"))
            }
            Some(text) => self.keep(name, read(text)).map(Some),
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

    /// The values, if every one was valid, and body and query held nothing else.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] with every bad field and parameter.
    pub fn finish<V: Values>(mut self, values: V) -> Result<V::Valid, Error> {
        let unknown = |kind: &str, known: &[&str]| {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("is not a {kind} of this request, which takes {known}")
        };
        for name in self.query.keys().filter(|name| !self.known_in_query.contains(name)) {
            self.errors.push(FieldError::new(*name, unknown("query parameter", &self.known_in_query)));
        }
        for field in self.body.keys() {
            self.errors.push(FieldError::new(field, unknown("field", &self.known)));
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

impl Values for () {
    type Valid = ();

    fn valid(self) -> Option<()> {
        Some(())
    }
}

values!(A);
values!(A, B);
values!(A, B, C);
values!(A, B, C, D);
values!(A, B, C, D, E);
values!(A, B, C, D, E, F);
values!(A, B, C, D, E, F, G);

/// `application/json`, with or without parameters.
fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::HashMap;

    use lambda_http::Body;
    use lambda_http::aws_lambda_events::query_map::QueryMap;
    use model::participant::{Attributes, Capabilities, TokenDuration};
    use model::{Cursor, Limit, StageName};
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    use serde_json::json;

    use super::*;

    fn request(content_type: &str, body: &str) -> Request {
        let request = lambda_http::http::Request::builder().header("content-type", content_type);
        let request = request.body(Body::from(body)).unwrap();
        request.with_path_parameters(HashMap::from([("stage".to_owned(), "no spaces".to_owned())]))
    }

    #[test]
    fn every_bad_field_is_reported_at_once() {
        let request = request("application/json", r#"{"durationMinutes": 0, "renew": "yes", "colour": 1}"#);
        let query = HashMap::from([("limit".to_owned(), "0".to_owned()), ("order".to_owned(), "up".to_owned())]);
        let request = request.with_query_string_parameters(query);
        let mut input = Input::with_body(&request).unwrap();
        let values = (
            input.path::<StageName>("stage"),
            input.query::<Limit>("limit"),
            input.field::<TokenDuration>("durationMinutes"),
            input.field::<bool>("renew"),
        );
        let Err(Error::InvalidRequest(errors)) = input.finish(values) else { panic!("accepted") };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["stage", "limit", "durationMinutes", "renew", "order", "colour"]);
    }

    /// A request for a list, with a query as it was sent.
    fn list_request(query: &str) -> Request {
        let query: QueryMap = query.parse().unwrap();
        Request::new(Body::Empty).with_query_string_parameters(query)
    }

    fn refused(query: &str) -> Vec<(String, String)> {
        let request = list_request(query);
        let mut input = Input::without_body(&request);
        let list = input.list();
        let values = (input.query::<Limit>("limit"), input.cursor::<Cursor>(&list));
        match input.finish(values) {
            Err(Error::InvalidRequest(errors)) => errors.into_iter().map(|error| (error.field, error.reason)).collect(),
            finished => panic!("{query}: {finished:?}"),
        }
    }

    #[test]
    fn a_parameter_that_is_given_twice_or_is_unknown_is_named_with_the_others() {
        let named = |query| refused(query).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert_eq!(named("b=1&limit=0&a=2&cursor=x&b=3&"), ["limit", "cursor", "a", "b"]);
        assert_eq!(refused("limit=5&limit=5"), [("limit".to_owned(), "is given more than once".to_owned())]);
        assert_eq!(named("cursor=&cursor="), ["cursor"]);
        for query in ["limit=%2B5", "limit=+5", "limit=5,5", "limit", "li%6Dit=x", "limit=&"] {
            assert_eq!(named(query), ["limit"], "{query}");
        }
        for query in ["cursor=", "cursor=MjAyNi0wMy0wMVQxMjowMDowMC4wMDBaCmE"] {
            assert_eq!(named(query), ["cursor"], "{query}");
        }
        for query in ["Limit=5", "limit%00=5", "limit[]=5", "=", "unknown"] {
            assert_eq!(refused(query)[0].1, "is not a query parameter of this request, which takes limit, cursor");
        }
    }

    #[test]
    fn a_route_that_takes_no_query_refuses_any() {
        assert!(Input::none(&list_request("")).is_ok());
        let Err(Error::InvalidRequest(errors)) = Input::none(&list_request("b&a")) else { panic!("accepted") };
        let reason = "is not a query parameter of this request, which takes none";
        assert_eq!(errors, [FieldError::new("a", reason), FieldError::new("b", reason)]);
    }

    #[test]
    fn a_cursor_is_taken_by_the_route_the_path_and_the_caller_that_it_was_given_to() {
        let position = Cursor { at: "2026-03-01T12:00:00Z".parse().unwrap(), id: "a".to_owned() };
        let asked = |route: &str, stage: &str, caller: Option<&str>, cursor: Option<&str>| {
            let mut context = json!({"http": {"method": "GET"}, "routeKey": route});
            if let Some(caller) = caller {
                context["authorizer"] = json!({"jwt": {"claims": {"sub": caller}}});
            }
            let path = HashMap::from([("stage".to_owned(), stage.to_owned())]);
            let request = list_request(&cursor.map(|cursor| format!("cursor={cursor}")).unwrap_or_default())
                .with_path_parameters(path)
                .with_request_context(RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap()));
            let mut input = Input::without_body(&request);
            let list = input.list();
            let taken = input.cursor::<Cursor>(&list);
            (list.cursor(&position), input.finish((taken,)).map(|(cursor,)| cursor))
        };
        let route = "GET /stages/{stage}/participants";
        let (cursor, _) = asked(route, "demo", Some("alice"), None);
        for (route, stage, caller) in [
            ("GET /other", "demo", Some("alice")),
            (route, "other", Some("alice")),
            (route, "demo", Some("bob")),
            (route, "demo", None),
        ] {
            assert!(asked(route, stage, caller, Some(&cursor)).1.is_err(), "{route} {stage} {caller:?}");
        }
        assert_eq!(asked(route, "demo", Some("alice"), Some(&cursor)).1.unwrap(), Some(position.clone()));
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
