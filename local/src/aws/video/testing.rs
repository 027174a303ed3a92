//! What the tests of both services ask of them.

use std::cell::Cell;
use std::collections::BTreeSet;

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use time::{OffsetDateTime, macros::datetime};

use super::StandIn;
use super::operation::{Model, Operation};
use crate::aws::service::shape::{Input, near};
use crate::aws::service::{Service, ServiceError};
use crate::plumbing::pem;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-01 00:00:00.25 UTC);

pub(crate) const VALIDATION: (u16, &str) = (400, "ValidationException");
pub(crate) const QUOTA_EXCEEDED: (u16, &str) = (402, "ServiceQuotaExceededException");
pub(crate) const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");
pub(crate) const CONFLICT: (u16, &str) = (409, "ConflictException");
pub(crate) const THROTTLED: (u16, &str) = (429, "ThrottlingException");

/// Lifts every rate, for tests of something else.
pub(crate) fn without_rate_limits<M: Model>(service: &StandIn<M>) {
    let operations: &[Operation<M>] = M::operations();
    set_quotas(service, operations.iter().map(|operation| (operation.name.to_owned(), json!(1e9))).collect());
}

pub(crate) fn set_quotas<M: Model>(service: &StandIn<M>, overrides: Value) {
    let mut quotas = service.lock_quotas();
    *quotas = quotas.with(overrides.as_object().unwrap()).unwrap();
}

pub(crate) fn call<M: Model>(service: &StandIn<M>, operation: &str, input: Value) -> Value {
    service.call(operation, &input, NOW).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

pub(crate) fn refusal<M: Model>(service: &StandIn<M>, operation: &str, input: Value) -> ServiceError {
    match service.call(operation, &input, NOW) {
        Err(error) => error,
        Ok(answer) => panic!("{operation} {input}: {answer}"),
    }
}

/// The HTTP status and the code of a refusal.
pub(crate) fn code<M: Model>(service: &StandIn<M>, operation: &str, input: Value) -> (u16, &'static str) {
    let error = refusal(service, operation, input);
    (error.status, error.code)
}

/// Follows a list to its end, and answers its items.
pub(crate) fn walk<M: Model>(service: &StandIn<M>, operation: &str, mut input: Value, member: &str) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        let page = call(service, operation, input.clone());
        items.extend(page[member].as_array().unwrap().iter().cloned());
        if page["nextToken"].is_null() {
            return items;
        }
        input["nextToken"] = page["nextToken"].clone();
    }
}

pub(crate) fn distinct(items: &[Value], member: &str) -> BTreeSet<String> {
    items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

/// JSON of any kind, with these members among its keys and this ARN among its values, so that it gets past the first
/// check now and then.
pub(crate) fn any_json(members: &'static [&'static str], arn: &'static str) -> impl Strategy<Value = Value> {
    let key = prop::sample::select(members);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,10}".prop_map(Value::from),
        Just(json!(arn)),
    ];
    leaf.prop_recursive(3, 20, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// Calls every operation with inputs near its model, each on a service of its own, which has some resources. Fails
/// unless most inputs pass the check of their operation, and many are carried out.
pub(crate) fn call_near_the_model<M: Model>(service: impl Fn() -> (StandIn<M>, Vec<String>)) {
    const CASES: u32 = 48;
    let operations: &[Operation<M>] = M::operations();
    let known = service().1;
    let (checked, answered) = (Cell::new(0), Cell::new(0));
    for operation in operations {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let result = TestRunner::new(config).run(&near::request(operation.input, &known), |input| {
            let (service, present) = service();
            let text = known.iter().zip(&present).fold(input.to_string(), |text, (from, to)| text.replace(from, to));
            let input: Value = serde_json::from_str(&text).unwrap();
            let is_valid = Input::check(operation.input, &input).is_ok();
            prop_assert!(!service.requirements(operation.name, &input).is_empty());
            let answer = service.call(operation.name, &input, NOW);
            prop_assert!(is_valid || answer.is_err(), "{} {}", operation.name, input);
            checked.set(checked.get() + u32::from(is_valid));
            answered.set(answered.get() + u32::from(answer.is_ok()));
            Ok(())
        });
        result.unwrap_or_else(|failure| panic!("{}: {failure}", operation.name));
    }
    let cases = CASES * u32::try_from(operations.len()).unwrap();
    assert!(checked.get() > cases / 2, "{checked:?} of {cases} inputs passed their check");
    assert!(answered.get() > cases / 4, "{answered:?} of {cases} calls were carried out");
}

/// A key pair of an account, for tokens that AWS did not issue.
pub(crate) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    pub(crate) fn generate() -> Self {
        Self::on(&ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    pub(crate) fn on(curve: &'static EcdsaSigningAlgorithm) -> Self {
        Self(EcdsaKeyPair::generate(curve).unwrap())
    }

    /// As `openssl ec -pubout` writes it.
    pub(crate) fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", self.0.public_key().as_der().unwrap().as_ref())
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
