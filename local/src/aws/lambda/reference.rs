//! The names that stand for a function in requests: a name or an ARN, whole or in part, with or without a qualifier.

use crate::aws::service::{ACCOUNT, ServiceError};

/// The version that there always is; the local cloud publishes no others, and has no aliases.
const LATEST: &str = "$LATEST";

/// What the model takes for a function's name, as `FunctionName` of `Invoke` has it.
pub(super) const REGEX: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";

/// A function's name, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Takes apart what [`REGEX`] matches.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (text, is_arn) = match text.strip_prefix("arn:") {
            Some(rest) => (rest.split_once(":lambda:").filter(|(partition, _)| partition.starts_with("aws"))?.1, true),
            None => (text, false),
        };
        let mut parts: Vec<&str> = text.split(':').collect();
        let mut leading = |accepts: fn(&str) -> bool| {
            let is_there = parts.len() > 1 && parts.first().is_some_and(|part| accepts(part));
            is_there.then(|| parts.remove(0))
        };
        let (region, account) = (leading(is_region), leading(is_account));
        let has_word = leading(|part| part == "function").is_some();
        if is_arn && !(region.is_some() && account.is_some() && has_word) {
            return None;
        }
        let is_word = |text: &str, more: &[char]| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c) || more.contains(&c))
        };
        match *parts.as_slice() {
            [name] if is_word(name, &['.']) => Some(Self { region, account, name, qualifier: None }),
            [name, qualifier] if is_word(name, &['.']) && (is_word(qualifier, &[]) || is_latest(qualifier)) => {
                Some(Self { region, account, name, qualifier: Some(qualifier) })
            }
            _ => None,
        }
    }

    /// The ARN that it stands for, with the qualifier that the request has beside it.
    pub(super) fn arn(&self, region: &str, name: &str, qualifier: Option<&str>) -> String {
        let (region, account) = (self.region.unwrap_or(region), self.account.unwrap_or(ACCOUNT));
        let qualifier = self.qualifier.or(qualifier).map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
        format!("arn:aws:lambda:{region}:{account}:function:{name}{qualifier}")
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// Checks that it is of this region and account, and of a version that there is.
    ///
    /// # Errors
    /// There is no such function here.
    pub(super) fn check(&self, here: &str, qualifier: Option<&str>) -> Result<(), ServiceError> {
        if let Some(region) = self.region.filter(|region| *region != here) {
            return Err(not_found(format!("Functions from '{region}' are not reachable in this region ('{here}')")));
        }
        let arn = self.arn(here, self.name, qualifier);
        if self.account.is_some_and(|account| account != ACCOUNT) {
            let what = format!(
                "not authorized to perform: lambda:InvokeFunction on resource: {arn} because no resource-based policy \
                 allows the lambda:InvokeFunction action"
            );
            return Err(ServiceError::new(403, "AccessDeniedException", what));
        }
        if let (Some(own), Some(beside)) = (self.qualifier, qualifier)
            && own != beside
        {
            let what = "The derived qualifier from the function name does not match the specified qualifier.";
            return Err(ServiceError::new(400, "InvalidParameterValueException", what));
        }
        match self.qualifier.or(qualifier).is_none_or(|qualifier| qualifier == LATEST) {
            true => Ok(()),
            false => Err(function_not_found(&arn)),
        }
    }
}

/// There is no function of this ARN.
pub(super) fn function_not_found(arn: &str) -> ServiceError {
    not_found(format!("Function not found: {arn}"))
}

fn not_found(message: String) -> ServiceError {
    ServiceError::new(404, "ResourceNotFoundException", message)
}

fn is_latest(qualifier: &str) -> bool {
    qualifier.strip_prefix(LATEST).is_some_and(|rest| rest.is_empty() || rest == ".PUBLISHED")
}

fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// Such as `us-east-1`.
fn is_region(part: &str) -> bool {
    let words: Vec<_> = part.split('-').collect();
    let Some((number, names)) = words.split_last() else { return false };
    (2..=4).contains(&names.len())
        && names.iter().all(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()))
        && matches!(number.as_bytes(), [b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_a_name_or_an_arn_whole_or_in_part() {
        let plain = Reference { region: None, account: None, name: "f", qualifier: None };
        let at = |qualifier| Reference { qualifier, ..plain };
        let (region, account) = (Some("us-east-1"), Some("123456789012"));
        for (text, expected) in [
            ("f", at(None)),
            ("f:$LATEST", at(Some("$LATEST"))),
            ("f:live", at(Some("live"))),
            ("function:f:1", at(Some("1"))),
            ("123456789012:function:f", Reference { account, ..plain }),
            ("us-east-1:123456789012:function:f:1", Reference { region, account, qualifier: Some("1"), ..plain }),
            ("arn:aws:lambda:us-east-1:123456789012:function:f", Reference { region, account, ..plain }),
            (
                "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f:$LATEST.PUBLISHED",
                Reference { region: Some("us-gov-west-1"), account, qualifier: Some("$LATEST.PUBLISHED"), ..plain },
            ),
            ("function", Reference { name: "function", ..plain }),
        ] {
            assert_eq!(Reference::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_the_model_does_not_match_is_no_name() {
        for text in [
            "",
            "f g",
            "f:",
            "f:$OLDEST",
            "f:1:2",
            "arn:aws:lambda:us-east-1:123456789012:f",
            "arn:aws:sqs:us-east-1:123456789012:function:f",
            "arn:aws:lambda:123456789012:function:f",
        ] {
            assert_eq!(Reference::parse(text), None, "{text}");
        }
    }
}
