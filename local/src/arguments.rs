//! The values of the command line's options.

/// `NAME=VALUE`.
pub(crate) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `NAME=URL`, the name as in `AWS_ENDPOINT_URL_<NAME>`.
pub(crate) fn endpoint(text: &str) -> Result<(String, String), String> {
    let (name, url) = text.split_once('=').ok_or("must be NAME=URL")?;
    let is_name = |character: char| character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        return Err("NAME is as in AWS_ENDPOINT_URL_<NAME>, such as IVS or IVS_REALTIME".to_owned());
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("URL starts with http:// or https://".to_owned());
    }
    Ok((name.to_owned(), url.to_owned()))
}

/// The name of a stack, by CloudFormation's rule.
pub(crate) fn stack_name(text: &str) -> Result<String, String> {
    let follows = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(follows) && text.len() <= 128 {
        return Ok(text.to_owned());
    }
    Err("a letter first, then letters, digits and -, at most 128 in all".to_owned())
}

/// A count of one or more.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "must be a whole number, 1 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_as_cloudformation_has_it() {
        for name in ["a", "greenroom", "Green-Room-2", &"a".repeat(128)] {
            assert_eq!(stack_name(name).as_deref(), Ok(name));
        }
        for name in ["", "2a", "-a", "a_b", "a b", "ä", &"a".repeat(129)] {
            assert!(stack_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_endpoint_is_a_name_and_a_url() {
        for name in ["ECS", "EC2"] {
            assert!(endpoint(&format!("{name}=http://localhost:5000")).is_ok(), "{name}");
        }
        let expected = ("IVS_REALTIME".to_owned(), "http://localhost:5000/?a=b".to_owned());
        assert_eq!(endpoint("IVS_REALTIME=http://localhost:5000/?a=b"), Ok(expected));
        for wrong in ["IVS", "=http://localhost", "ivs=http://localhost", "I-VS=http://localhost", "IVS=localhost:5000"]
        {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_parameter_may_have_any_value() {
        assert_eq!(parameter("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        assert_eq!(parameter("A="), Ok(("A".to_owned(), String::new())));
        assert!(parameter("A").is_err());
    }

    #[test]
    fn no_instances_are_too_few() {
        assert_eq!(at_least_one("1"), Ok(1));
        for wrong in ["0", "-1", "x", ""] {
            assert!(at_least_one(wrong).is_err(), "{wrong}");
        }
    }
}
