//! The numbers of a queue and of the function that gets its messages fit each other. No linter compares them in a SAM
//! template, and AWS refuses only the worst of them.

use std::fs;
use std::time::Duration;

use local::{Mapping, Options, TemplateSource};
use tests::{Deployment, root};

/// What does not fit, in words.
fn misfits(mapping: &Mapping) -> Vec<&'static str> {
    let receptions = mapping.most_receptions.unwrap_or_default();
    let checks = [
        // "Configuring scalability behavior" and "Configuring visibility timeout" in Lambda's guide to SQS.
        (mapping.visibility_timeout >= 6 * mapping.timeout + mapping.window, "visibility timeout"),
        (receptions >= 5, "maximum of receptions"),
        // A message that cannot be handled must come to the dead-letter queue, and stay there for longer than it has stayed.
        (mapping.visibility_timeout * receptions < mapping.retention, "retention"),
        (mapping.dead_letter_retention > Some(mapping.retention), "retention of dead letters"),
        (mapping.batch_size <= 10 || !mapping.window.is_zero(), "window"),
        // Otherwise one message that fails has the others done again.
        (mapping.batch_size == 1 || mapping.reports_failures, "reports of failures"),
        (mapping.max_concurrency.is_some_and(|most| most >= 2), "concurrency"),
        // Lambda would take messages and then throttle them, until they are dead letters.
        (mapping.reserved_concurrency.is_none_or(|most| mapping.max_concurrency <= Some(most)), "reserved concurrency"),
    ];
    checks.into_iter().filter(|(fits, _)| !fits).map(|(_, what)| what).collect()
}

#[test]
fn the_numbers_of_every_queue_fit_the_function_that_gets_its_messages() {
    let file = root().join("template.yaml");
    let written = fs::read_to_string(&file).unwrap().matches("[ReportBatchItemFailures]").count();
    let other = Deployment::read(&root().join("tests/another-deployment.json"));
    for parameters in [Deployment::by_default().parameters, other.parameters] {
        let options = Options { template: TemplateSource::Path(file.clone()), parameters, ..Options::default() };
        let mappings = options.read_template().unwrap().mappings();
        assert_eq!(mappings.len(), written, "{mappings:?}");
        for mapping in mappings {
            assert!(misfits(&mapping).is_empty(), "{}: {:?} of {mapping:?}", mapping.name, misfits(&mapping));
        }
    }
}

#[test]
fn each_number_that_does_not_fit_is_found() {
    let seconds = Duration::from_secs;
    let good = || Mapping {
        name: "RecoveryFunction.Names".to_owned(),
        timeout: seconds(60),
        reserved_concurrency: Some(2),
        batch_size: 100,
        window: seconds(1),
        max_concurrency: Some(2),
        reports_failures: true,
        visibility_timeout: seconds(361),
        retention: seconds(3_600),
        most_receptions: Some(5),
        dead_letter_retention: Some(seconds(1_209_600)),
    };
    assert!(misfits(&good()).is_empty());
    for (expected, bad) in [
        ("visibility timeout", Mapping { timeout: seconds(61), ..good() }),
        ("visibility timeout", Mapping { window: seconds(2), ..good() }),
        ("maximum of receptions", Mapping { most_receptions: Some(4), ..good() }),
        ("maximum of receptions", Mapping { most_receptions: None, ..good() }),
        ("retention", Mapping { retention: seconds(1_800), ..good() }),
        ("retention of dead letters", Mapping { dead_letter_retention: Some(seconds(3_600)), ..good() }),
        ("retention of dead letters", Mapping { dead_letter_retention: None, ..good() }),
        ("window", Mapping { window: Duration::ZERO, batch_size: 11, ..good() }),
        ("reports of failures", Mapping { reports_failures: false, ..good() }),
        ("concurrency", Mapping { max_concurrency: None, ..good() }),
        ("reserved concurrency", Mapping { reserved_concurrency: Some(1), ..good() }),
    ] {
        assert_eq!(misfits(&bad), [expected], "{bad:?}");
    }
}
