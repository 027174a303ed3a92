//! Queues, and the functions that get their messages.

use super::*;

const QUEUES: &str = "  Names:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
  Dead: {Type: AWS::SQS::Queue}
";

/// The template with an `SQS` event of these properties in flow style, and more resources.
fn load_event(properties: &str, more: &str) -> Result<Template> {
    let events = format!(
        "          Properties: {{ScheduleExpression: rate(5 minutes)}}
        Names: {{Type: SQS, Properties: {{Queue: !GetAtt Names.Arn, {properties}}}}}"
    );
    load_with(&events, &format!("{QUEUES}{more}"))
}

#[test]
fn an_event_source_has_the_limits_that_it_says() {
    let said = "BatchSize: 100, MaximumBatchingWindowInSeconds: 1, FunctionResponseTypes: [ReportBatchItemFailures], \
                ScalingConfig: {MaximumConcurrency: 2}, Enabled: false, MetricsConfig: {Metrics: [EventCount]}";
    let template = load_event(said, "").unwrap();
    let [source] = template.functions[0].event_sources.as_slice() else { panic!("one source") };
    assert_eq!((source.name.as_str(), &source.queue), ("RowFunction.Names", &arn_of("stack-Names")));
    assert_eq!((source.batch_size, source.window, source.max_concurrency), (100, Duration::from_secs(1), Some(2)));
    assert_eq!((source.reports_failures, source.enabled), (true, false));
    let plain = load_event("", "").unwrap();
    let source = &plain.functions[0].event_sources[0];
    assert_eq!((source.batch_size, source.window, source.max_concurrency), (10, Duration::ZERO, None));
    assert_eq!((source.reports_failures, source.enabled), (false, true));
}

#[test]
fn a_queue_says_where_what_is_received_too_often_goes() {
    let redrive = |more: &str| {
        let template = load_event("", more).unwrap();
        template.queues.into_iter().find(|queue| queue.redrive.is_some()).and_then(|queue| queue.redrive).unwrap()
    };
    let expected = (arn_of("stack-Dead"), 5);
    assert_eq!((redrive("").queue, redrive("").most_receptions), expected);
    let json = r#"  A: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: !Sub '{"deadLetterTargetArn":"${Dead.Arn}","maxReceiveCount":"5"}'}}
"#;
    assert_eq!((redrive(json).queue, redrive(json).most_receptions), expected);
}

#[test]
fn a_mapping_needs_the_functions_own_permissions_and_an_event_brings_them() {
    let event = load_event("", "").unwrap();
    assert_eq!(event.functions[0].policy.len(), 2, "its own, and what SAM adds");
    let mapping = "  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Names.Arn, FunctionName: !GetAtt RowFunction.Arn, BatchSize: 1}
";
    let load_mapping = |actions: &str| {
        let statement = format!("{{Effect: Allow, Action: {actions}, Resource: !GetAtt Names.Arn}}");
        let own = "- {Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt Rows.Arn}";
        let template = TEMPLATE.replace(own, &format!("{own}\n            - {statement}"));
        load(&template.replace("Outputs:\n", &format!("{QUEUES}{mapping}Outputs:\n")), &[])
    };
    let template = load_mapping("sqs:*").unwrap();
    let [source] = template.functions[0].event_sources.as_slice() else { panic!("one source") };
    assert_eq!((source.name.as_str(), source.batch_size), ("Mapping", 1));
    for (actions, missing) in [
        ("sqs:SendMessage", "ReceiveMessage"),
        ("[sqs:ReceiveMessage, sqs:GetQueueAttributes]", "DeleteMessage"),
        ("[sqs:ReceiveMessage, sqs:DeleteMessage]", "GetQueueAttributes"),
    ] {
        let expected = format!(
            "Resources.Mapping.Properties.EventSourceArn: The provided execution role does not have permissions to call \
             {missing} on SQS"
        );
        assert_eq!(without_cure(&load_mapping(actions).unwrap_err().to_string()), expected);
    }
}

#[test]
fn what_lambda_refuses_of_a_mapping_is_an_error_with_its_place() {
    let at = "Resources.RowFunction.Properties.Events.Names.Properties";
    for (properties, expected) in [
        ("BatchSize: 0", format!("{at}.BatchSize: 0 is not within 1..10000")),
        ("BatchSize: 10001", format!("{at}.BatchSize: 10001 is not within 1..10000")),
        (
            "MaximumBatchingWindowInSeconds: 301",
            format!("{at}.MaximumBatchingWindowInSeconds: 301 is not within 0..300"),
        ),
        (
            "BatchSize: 11",
            format!(
                "{at}: Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
            ),
        ),
        (
            "ScalingConfig: {MaximumConcurrency: 1}",
            format!("{at}.ScalingConfig.MaximumConcurrency: 1 is not within 2..1000"),
        ),
        (
            "FunctionResponseTypes: [ReportItemFailures]",
            format!("{at}.FunctionResponseTypes: takes ReportBatchItemFailures alone"),
        ),
        (
            "FilterCriteria: {Filters: []}",
            format!("{at}: the local cloud does not support `FilterCriteria` of an SQS event"),
        ),
        (
            "ProvisionedPollerConfig: {MinimumPollers: 2}",
            format!("{at}: the local cloud does not support `ProvisionedPollerConfig` of an SQS event"),
        ),
    ] {
        assert_eq!(without_cure(&load_event(properties, "").unwrap_err().to_string()), expected);
    }
    let mapping = |properties: &str| {
        let mapping = format!("  M: {{Type: AWS::Lambda::EventSourceMapping, Properties: {{{properties}}}}}\n");
        without_cure(&load_event("", &mapping).unwrap_err().to_string()).to_owned()
    };
    let at = "Resources.M.Properties";
    assert_eq!(
        mapping("EventSourceArn: !GetAtt Names.Arn, FunctionName: !Ref RowFunction"),
        format!("{at}.EventSourceArn: RowFunction.Names is a mapping of this queue to RowFunction already")
    );
    assert_eq!(
        mapping("EventSourceArn: !GetAtt Rows.Arn, FunctionName: !Ref RowFunction"),
        format!("{at}.EventSourceArn: the local cloud does not support event sources other than SQS queues")
    );
    assert_eq!(
        mapping("EventSourceArn: !GetAtt Names.Arn, FunctionName: other"),
        format!(
            "{at}.FunctionName: the local cloud does not support mappings to anything but a function of the template"
        )
    );
}

#[test]
fn a_queue_that_does_not_fit_is_an_error_with_its_place() {
    let change = |from: &str, to: &str| {
        let events = "          Properties: {ScheduleExpression: rate(5 minutes)}
        Names: {Type: SQS, Properties: {Queue: !GetAtt Names.Arn}}";
        without_cure(&load_with(events, &QUEUES.replace(from, to)).unwrap_err().to_string()).to_owned()
    };
    let queue = "Resources.RowFunction.Properties.Events.Names.Properties.Queue";
    assert_eq!(
        change("VisibilityTimeout: 60", "VisibilityTimeout: 9"),
        format!("{queue}: Queue visibility timeout: 9 seconds is less than Function timeout: 10 seconds")
    );
    let policy = "Resources.Names.Properties.RedrivePolicy";
    let elsewhere = arn_of("elsewhere");
    assert_eq!(
        change("!GetAtt Dead.Arn", &elsewhere),
        format!("{policy}.deadLetterTargetArn: `{elsewhere}` is no queue of this template")
    );
    assert_eq!(
        change("maxReceiveCount: 5", "maxReceiveCount: 0"),
        format!("{policy}.maxReceiveCount: 0 is not within 1..1000")
    );
    assert_eq!(change(", maxReceiveCount: 5", ""), format!("{policy}: `maxReceiveCount` is missing"));
}

/// A FIFO queue of these properties with its dead letters, and its mapping.
fn load_fifo(properties: &str, mapping: &str, dead: &str) -> Result<Template> {
    let events = format!(
        "          Properties: {{ScheduleExpression: rate(5 minutes)}}
        Events: {{Type: SQS, Properties: {{Queue: !GetAtt Events.Arn{mapping}}}}}"
    );
    let queues = format!(
        "  Events:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt Late.Arn, maxReceiveCount: 5}}
      {properties}
  Late: {{Type: AWS::SQS::Queue, Properties: {{{dead}}}}}
"
    );
    load_with(&events, &queues)
}

#[test]
fn a_fifo_queue_has_a_name_and_properties_of_its_own() {
    let said = "FifoQueue: true\n      ContentBasedDeduplication: true\n      DeduplicationScope: messageGroup\n      \
                FifoThroughputLimit: perMessageGroupId";
    let template = load_fifo(said, "", "FifoQueue: true").unwrap();
    let queues: Vec<_> = template.queues.iter().map(|queue| (queue.name.as_str(), queue.fifo)).collect();
    let fifo = |flag| Some(Fifo { by_content: flag, within_group: flag, limited_by_group: flag });
    assert_eq!(queues, [("stack-Events.fifo", fifo(true)), ("stack-Late.fifo", fifo(false))]);
    assert_eq!(template.functions[0].event_sources[0].queue, arn_of("stack-Events.fifo"));
}

#[test]
fn what_aws_refuses_of_a_fifo_queue_is_an_error_with_its_place() {
    let queue = "Resources.Events.Properties";
    let mapping = "Resources.RowFunction.Properties.Events.Events.Properties.Queue";
    let fifo = "FifoQueue: true";
    for (properties, of_mapping, dead, expected) in [
        (
            "FifoQueue: true\n      QueueName: events",
            "",
            fifo,
            format!("{queue}: a FIFO queue has a name that ends in .fifo, and this is `events`"),
        ),
        (
            "QueueName: events.fifo",
            "",
            "",
            format!("{queue}: only a FIFO queue has a name that ends in .fifo, and this is `events.fifo`"),
        ),
        (
            "ContentBasedDeduplication: true",
            "",
            "",
            format!("{queue}.ContentBasedDeduplication: only a FIFO queue has this"),
        ),
        (
            "FifoQueue: true\n      DeduplicationScope: group",
            "",
            fifo,
            format!("{queue}.DeduplicationScope: must be queue or messageGroup"),
        ),
        (
            "FifoQueue: true\n      FifoThroughputLimit: perMessageGroupId",
            "",
            fifo,
            format!("{queue}: FifoThroughputLimit perMessageGroupId needs DeduplicationScope messageGroup"),
        ),
        (
            fifo,
            "",
            "",
            format!(
                "{queue}.RedrivePolicy.deadLetterTargetArn: a FIFO queue has a FIFO queue of dead letters, and a \
                 standard queue a standard one"
            ),
        ),
        (
            fifo,
            ", BatchSize: 11, MaximumBatchingWindowInSeconds: 1",
            fifo,
            format!("{mapping}: Batch size 11 is more than 10, the most of a FIFO queue"),
        ),
        (
            fifo,
            ", MaximumBatchingWindowInSeconds: 1",
            fifo,
            format!("{mapping}: Batching window is not supported for FIFO queues"),
        ),
    ] {
        assert_eq!(without_cure(&load_fifo(properties, of_mapping, dead).unwrap_err().to_string()), expected);
    }
}
