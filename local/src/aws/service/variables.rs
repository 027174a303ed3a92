//! The environment variables that lead an SDK to the local cloud.

use std::collections::BTreeMap;

/// Services whose SDK looks for `AWS_ENDPOINT_URL_<SERVICE>`.
const SERVICES: [&str; 10] =
    ["DYNAMODB", "IVS_REALTIME", "IVS", "IVSCHAT", "SECRETS_MANAGER", "SSM", "ECS", "EC2", "EVENTBRIDGE", "SQS"];

/// `AWS_ENDPOINT_URL` and those of single services; `others` has the URLs of services that are somebody else's.
pub(crate) fn endpoints<'a>(
    aws_url: &'a str,
    others: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (String, String)> + use<'a> {
    let all = ("AWS_ENDPOINT_URL".to_owned(), aws_url.to_owned());
    let ours = SERVICES.iter().map(|service| (format!("AWS_ENDPOINT_URL_{service}"), aws_url.to_owned()));
    // After ours, whose place they take.
    let theirs = others.iter().map(|(name, url)| (format!("AWS_ENDPOINT_URL_{name}"), url.clone()));
    std::iter::once(all).chain(ours).chain(theirs)
}
