//! What the fault in an order lacks, in plain words; what reads the order names fields as if there were no fault around
//! them.

use serde_json::Value;

/// A kind of fault, and the fields that it needs, each with what it is.
pub(crate) type Needs = (&'static str, &'static [(&'static str, &'static str)]);

/// The first field that is missing in the `fault` of an order, or that is of another type; `None` if
/// there is none, or if the order is wrong in another way.
pub(crate) fn lacks(order: &[u8], kinds: &[Needs]) -> Option<String> {
    let order: Value = serde_json::from_slice(order).ok()?;
    let fault = order.get("fault")?.as_object()?;
    let Some(kind) = fault.get("kind") else {
        let names: Vec<_> = kinds.iter().map(|(kind, _)| *kind).collect();
        return Some(format!("the fault needs `kind`, one of: {}", names.join(", ")));
    };
    let (kind, fields) = kinds.iter().find(|(name, _)| kind == name)?;
    let is_there = |(name, what): &&(&str, &str)| match fault.get(*name) {
        Some(Value::Number(_)) => what.starts_with("a number"),
        Some(Value::String(_)) => !what.starts_with("a number"),
        _ => false,
    };
    let (name, what) = fields.iter().find(|field| !is_there(field))?;
    Some(format!("a fault of kind `{kind}` needs `{name}`: {what}"))
}
