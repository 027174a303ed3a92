//! What a request of the side door asks for, in its query and its body.

use std::str::FromStr;

use serde_json::Value;

use super::answer::{Refused, bad_request};
use crate::program::log::printable;

/// The number of the first entry of a log that is asked for: `since`, the one parameter.
pub(super) fn since(query: &[(String, String)]) -> Result<u64, Refused> {
    let [since] = parameters(query, ["since"])?;
    number(since, "since", 0, "the number of an entry")
}

/// The values of these parameters of a query, which may have no others.
///
/// # Errors
/// One that is unknown, or given more than once.
pub(super) fn parameters<'a, const N: usize>(
    query: &'a [(String, String)],
    names: [&str; N],
) -> Result<[Option<&'a str>; N], Refused> {
    if let Some((unknown, _)) = query.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        let unknown = printable(unknown);
        return Err(bad_request(format!("`{unknown}` is no parameter of this route: it has `{}`", names.join("`, `"))));
    }
    once(query)?;
    Ok(names.map(|name| last(query, name)))
}

/// Sees to it that each parameter is given once.
pub(super) fn once(query: &[(String, String)]) -> Result<(), Refused> {
    match repeated(query) {
        Some(name) => Err(bad_request(format!("`{}` is given more than once", printable(name)))),
        None => Ok(()),
    }
}

/// A name that is there more than once.
pub(super) fn repeated(pairs: &[(String, String)]) -> Option<&str> {
    let mut names = pairs.iter().enumerate().map(|(index, (name, _))| (index, name));
    names.find(|(index, name)| pairs[..*index].iter().any(|(before, _)| before == *name)).map(|(_, name)| name.as_str())
}

/// A parameter that is a number, or what it is if it is left out.
pub(super) fn number<T: FromStr>(value: Option<&str>, name: &str, default: T, what: &str) -> Result<T, Refused> {
    let number = value.map_or(Ok(default), str::parse);
    number.map_err(|_| bad_request(format!("`{name}` is {what}")))
}

/// Names and values, of a query or of a form in a body.
pub(super) fn form(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

/// The last value of a name; there should be one.
pub(super) fn last<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The body as JSON.
pub(super) fn parse(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|error| bad_request(format!("the body is not JSON: {error}")))
}

/// Whether the answer is to wait for the delivery of the events: `wait`, the one parameter.
pub(super) fn waits(query: &[(String, String)]) -> Result<bool, Refused> {
    let [wait] = parameters(query, ["wait"])?;
    truth("wait", wait)
}

/// A parameter that is true or false, and false if it is left out.
pub(super) fn truth(name: &str, value: Option<&str>) -> Result<bool, Refused> {
    match value {
        Some("true") => Ok(true),
        None | Some("false") => Ok(false),
        Some(_) => Err(bad_request(format!("`{name}` is true or false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<[Option<String>; 2], String> {
        let query = form(query.as_bytes());
        let values = parameters(&query, ["since", "last"]).map(|values| values.map(|value| value.map(str::to_owned)));
        values.map_err(|Refused(status, message)| format!("{status}: {message}"))
    }

    #[test]
    fn parameters_are_told_by_name_whatever_their_order() {
        assert_eq!(read(""), Ok([None, None]));
        assert_eq!(read("last=2&since=1"), Ok([Some("1".to_owned()), Some("2".to_owned())]));
    }

    #[test]
    fn a_parameter_that_is_unknown_or_repeated_is_refused_by_its_name() {
        for (query, expected) in [
            ("since=1&sinc=2", "400: `sinc` is no parameter of this route: it has `since`, `last`"),
            ("since=1&last=2&since=1", "400: `since` is given more than once"),
        ] {
            assert_eq!(read(query), Err(expected.to_owned()));
        }
    }

    #[test]
    fn what_waits_says_true_or_false() {
        for (query, expected) in [
            ("", Some(false)),
            ("wait=false", Some(false)),
            ("wait=true", Some(true)),
            ("wait=1", None),
            ("wai=true", None),
        ] {
            assert_eq!(waits(&form(query.as_bytes())).ok(), expected, "{query}");
        }
    }
}
