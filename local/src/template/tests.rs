mod event_sources;

use std::time::Duration;

use serde_json::json;

use super::error::without_cure;
use super::*;

const TEMPLATE: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Issuer: {Type: String, Default: ""}
  Origins: {Type: CommaDelimitedList, Default: "http://a.test,http://b.test"}
Conditions:
  OwnPool: !Equals [!Ref Issuer, ""]
Globals:
  Function:
    Timeout: 10
    MemorySize: 256
    Environment:
      Variables: {SHARED: global, TABLE: !Ref Rows}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: !Ref Origins, AllowMethods: [GET], MaxAge: 600}
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt:
            JwtConfiguration:
              issuer: !If [OwnPool, !Sub "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}", !Ref Issuer]
              audience: [!If [OwnPool, !Ref Client, other]]
  Pool: {Type: AWS::Cognito::UserPool, Condition: OwnPool}
  Client: {Type: AWS::Cognito::UserPoolClient, Condition: OwnPool}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 30}}
  RowFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/row/
      LoggingConfig: {LogFormat: JSON, LogGroup: !Ref Logs}
      Environment:
        Variables: {SHARED: own, KEY: !Ref Key}
      Policies:
        - Statement:
            - {Effect: Allow, Action: dynamodb:GetItem, Resource: !GetAtt Rows.Arn}
      Events:
        Get:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: get, Path: "/rows/{row}", TimeoutInMillis: 12000}
        Health:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: GET, Path: /health, Auth: {Authorizer: NONE}}
        Tasks:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [aws.ecs]}, RetryPolicy: {MaximumRetryAttempts: 5}}
        Sweep:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(5 minutes)}
  Rows:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${AWS::StackName}-rows
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Key:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: !Sub "${AWS::StackName}/key", Description: a key}
  Made:
    Type: Custom::Made
    Properties: {ServiceToken: !GetAtt RowFunction.Arn, ServiceTimeout: 60, Of: [{Rows: 3}, true]}
Outputs:
  Pool: {Condition: OwnPool, Value: !Ref Pool}
"#;

fn load(text: &str, overrides: &[(&str, &str)]) -> Result<Template> {
    let overrides = overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let secret_arn =
        |name: &str, _: &str| format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-AbCdEf");
    Template::load(text, "stack", "us-east-1", "http://sqs.test", &overrides, &secret_arn)
}

fn load_changed(from: &str, to: &str) -> String {
    assert!(TEMPLATE.contains(from), "{from}");
    without_cure(&load(&TEMPLATE.replace(from, to), &[]).unwrap_err().to_string()).to_owned()
}

#[test]
fn globals_merge_into_functions_key_by_key() {
    let template = load(TEMPLATE, &[]).unwrap();
    let function = &template.functions[0];
    assert_eq!((function.timeout, function.memory_mb), (Duration::from_secs(10), 256));
    let environment: Vec<_> = function.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:stack/key-AbCdEf";
    assert_eq!(environment, [("KEY", arn), ("SHARED", "own"), ("TABLE", "stack-rows")]);
}

#[test]
fn a_function_is_named_by_its_code_and_its_stack() {
    let template = load(TEMPLATE, &[]).unwrap();
    let function = &template.functions[0];
    assert_eq!(
        (function.name.as_str(), function.package.as_str(), function.binary.as_str()),
        ("stack-RowFunction", "row", "row")
    );
    assert_eq!(template.binaries(), [("row".to_owned(), "row".to_owned())]);
    assert_eq!(function.logging.group.as_deref(), Some("stack-Logs"));
    assert_eq!(function.schedules[0].expression, Expression::Rate(Duration::from_secs(300)));
}

#[test]
fn routes_carry_their_authorizer_and_timeout() {
    let template = load(TEMPLATE, &[]).unwrap();
    let route = |method: &str, path: &str, authorized| Route {
        method: method.into(),
        path: path.into(),
        authorized,
        function: "RowFunction".into(),
    };
    let mut routes = template.routes();
    routes.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(routes, [route("GET", "/health", false), route("GET", "/rows/{row}", true)]);
    let timeout = |path: &str| template.api.routes.iter().find(|route| route.path == path).unwrap().timeout;
    assert_eq!((timeout("/rows/{row}"), timeout("/health")), (Duration::from_secs(12), Duration::from_secs(5)));
}

#[test]
fn conditions_decide_who_issues_tokens() {
    let own = load(TEMPLATE, &[]).unwrap();
    let jwt = own.api.main_authorizer().unwrap();
    assert_eq!(jwt.issuer, "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Local");
    assert_eq!(own.outputs()["Pool"], "us-east-1_Local");
    let foreign = load(TEMPLATE, &[("Issuer", "https://id.test/")]).unwrap();
    let jwt = foreign.api.main_authorizer().unwrap();
    assert_eq!((jwt.issuer.as_str(), jwt.audiences.as_slice()), ("https://id.test/", &["other".to_owned()][..]));
    assert!(foreign.outputs().is_empty());
}

#[test]
fn tables_become_create_table_input() {
    let template = load(TEMPLATE, &[]).unwrap();
    let table = &template.tables[0];
    assert_eq!(table.create["TableName"], "stack-rows");
    assert!(table.create.get("PointInTimeRecoverySpecification").is_none());
    assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
}

#[test]
fn secrets_have_a_name_and_a_description() {
    let secret = &load(TEMPLATE, &[]).unwrap().secrets[0];
    assert_eq!((secret.name.as_str(), secret.description.as_str()), ("stack/key", "a key"));
}

#[test]
fn a_custom_resource_names_its_function_and_hands_on_texts() {
    let made = &load(TEMPLATE, &[]).unwrap().custom_resources[0];
    assert_eq!((made.id.as_str(), made.kind.as_str(), made.function.as_str()), ("Made", "Custom::Made", "RowFunction"));
    assert_eq!(made.timeout, Duration::from_secs(60));
    assert_eq!(
        (&made.properties["Of"], &made.properties["ServiceTimeout"]),
        (&json!([{"Rows": "3"}, "true"]), &json!("60"))
    );
}

#[test]
fn a_type_that_is_not_made_is_refused_unless_the_template_leaves_it_out() {
    let with = |kind: &str, left_out: &str| {
        let metadata =
            format!("Metadata: {{LocalCloud: {{LeftOut: [{left_out}]}}}}\nResources:\n  Thing: {{Type: {kind}}}");
        load(&TEMPLATE.replacen("Resources:", &metadata, 1), &[]).map(drop).map_err(|error| error.to_string())
    };
    for kind in
        ["AWS::IVS::Stage", "AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::IAM::Policy", "AWS::SNS::Subscription"]
    {
        let refused = with(kind, "").unwrap_err();
        assert!(
            refused.starts_with(&format!("Resources.Thing.Type: the local cloud does not support {kind}; ")),
            "{refused}"
        );
        assert_eq!(with(kind, "Thing"), Ok(()));
    }
    for kind in ["AWS::CloudWatch::Alarm", "AWS::Logs::QueryDefinition", "AWS::SNS::TopicPolicy"] {
        assert_eq!(with(kind, ""), Ok(()), "{kind}");
    }
    let at = "Metadata.LocalCloud.LeftOut";
    assert_eq!(with("AWS::S3::Bucket", "Thing, Thin"), Err(format!("{at}: there is no resource `Thin`")));
    assert_eq!(
        with("AWS::S3::Bucket", "Thing, Rows"),
        Err(format!("{at}: `Rows` is made here, as any AWS::DynamoDB::Table"))
    );
}

#[test]
fn what_the_local_cloud_cannot_do_is_an_error_with_its_place() {
    for (from, to, expected) in [
        (
            "ServiceToken: !GetAtt RowFunction.Arn",
            "ServiceToken: arn:aws:sns:us-east-1:000000000000:topic",
            "Resources.Made.Properties.ServiceToken: the local cloud does not support custom resources of anything but a \
             function of the template",
        ),
        (
            "ServiceTimeout: 60",
            "ServiceTimeout: 4000",
            "Resources.Made.Properties.ServiceTimeout: 4000 is not within 1..3600",
        ),
        (
            "Type: ScheduleV2",
            "Type: SNS",
            "Resources.RowFunction.Properties.Events.Sweep.Type: the local cloud does not support events of type SNS",
        ),
        (
            "AWS::Logs::LogGroup",
            "AWS::Serverless::Api",
            "Resources.Logs.Type: the local cloud does not support AWS::Serverless::Api; if the application does without it \
             on a laptop, name it in `Metadata.LocalCloud.LeftOut`",
        ),
        (
            // Functions refer to it, and are not to blame.
            "Type: AWS::Serverless::HttpApi",
            "Type: AWS::Serverless::HtpApi",
            "Resources.Api.Type: the local cloud does not support AWS::Serverless::HtpApi; if the application does without \
             it on a laptop, name it in `Metadata.LocalCloud.LeftOut`",
        ),
        (
            "Action: dynamodb:GetItem",
            "Action: sts:Whoami",
            "Resources.RowFunction.Properties.Policies[0].Statement[0].Action: the local cloud knows no action \
             `Whoami` of sts; it knows: GetCallerIdentity",
        ),
        (
            "CodeUri: functions/row/",
            "CodeUri: functions/row/\n      Layers: []",
            "Resources.RowFunction.Properties: the local cloud does not support `Layers` of AWS::Serverless::Function",
        ),
        (
            "{source: [aws.ecs]}",
            "{source: [{odd: 1}]}",
            "Resources.RowFunction.Properties.Events.Tasks.Properties.Pattern: unknown matcher `odd` at source",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31",
            "Transform: [AWS::Serverless-2016-10-31, AWS::LanguageExtensions]",
            "Transform: the local cloud does not support other transforms than AWS::Serverless-2016-10-31",
        ),
        (
            "Path: /health",
            "Path: health",
            "Resources.RowFunction.Properties.Events.Health.Properties.Path: `health` must start with `/`",
        ),
        (
            "DefaultAuthorizer: Jwt",
            "DefaultAuthorizer: Other",
            "Resources.Api.Properties.Auth.DefaultAuthorizer: there is no authorizer `Other`",
        ),
        (
            "SHARED: own",
            "AWS_REGION: x",
            "Resources.RowFunction.Properties.Environment.Variables.AWS_REGION: is reserved by Lambda",
        ),
        (
            "MaxAge: 600}",
            "MaxAge: 600}\n      RouteSettings: {}",
            "Resources.Api.Properties: the local cloud does not support `RouteSettings` of AWS::Serverless::HttpApi",
        ),
        (
            "MaxAge: 600}",
            "MaxAge: 600}\n      DefaultRouteSettings: {ThrottlingRateLimit: 5}",
            "Resources.Api.Properties.DefaultRouteSettings: the local cloud does not support a rate without a burst, \
             or a burst without a rate",
        ),
        (
            "MaxAge: 600}",
            "MaxAge: 600}\n      DefaultRouteSettings: {ThrottlingRateLimit: many, ThrottlingBurstLimit: 5}",
            "Resources.Api.Properties.DefaultRouteSettings.ThrottlingRateLimit: must be a number",
        ),
        (
            "MaxAge: 600}",
            "MaxAge: 600}\n      AccessLogSettings: {Format: x}",
            "Resources.Api.Properties.AccessLogSettings: `DestinationArn` is missing",
        ),
        (
            "CodeUri: functions/row/",
            "CodeUri: functions/row/\n      ReservedConcurrentExecutions: 0",
            "Resources.RowFunction.Properties.ReservedConcurrentExecutions: the local cloud does not support functions \
             without concurrency",
        ),
        (
            "Globals:",
            "Rules: {Odd: {Assertions: [{Assert: !Equals [!Ref Issuer, x], AssertDescription: no issuer x}]}}\nGlobals:",
            "Rules.Odd: no issuer x",
        ),
        (
            "TimeoutInMillis: 12000",
            "TimeoutInMillis: 31000",
            "Resources.RowFunction.Properties.Events.Get.Properties.TimeoutInMillis: 31000 is not within 50..30000 ms",
        ),
    ] {
        let error = load_changed(from, to);
        // Type errors in the test's own YAML would show here, too.
        assert_eq!(error, expected, "{to}");
    }
}

#[test]
fn code_that_is_not_there_is_an_error_with_its_place() {
    let directory = std::env::temp_dir().join(format!("local-cloud-{}", crate::plumbing::ids::hex(16)));
    let template = load(TEMPLATE, &[]).unwrap();
    let error = template.check_code(&directory).unwrap_err().to_string();
    let expected =
        "Resources.RowFunction.Properties.CodeUri: there is no directory `functions/row/` beside the template";
    assert_eq!(error, expected);
    std::fs::create_dir_all(directory.join("functions/row")).unwrap();
    assert_eq!(template.check_code(&directory), Ok(()));
    std::fs::remove_dir_all(directory).unwrap();
}

/// The template with these lines as the properties of `Sweep`, perhaps with events after them, and more resources.
fn load_with(events: &str, more: &str) -> Result<Template> {
    let function = TEMPLATE.replace("          Properties: {ScheduleExpression: rate(5 minutes)}", events);
    assert_ne!(function, TEMPLATE);
    load(&function.replace("Outputs:\n", &format!("{more}Outputs:\n")), &[])
}

fn arn_of(queue: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{queue}")
}

#[test]
fn sam_makes_the_queues_that_a_function_asks_for() {
    let config = "{MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Type: SQS}}}";
    let template = TEMPLATE
        .replace("RetryPolicy:", "DeadLetterConfig: {Type: SQS, QueueLogicalId: Dead}, RetryPolicy:")
        .replace("rate(5 minutes)}", "rate(5 minutes), DeadLetterConfig: {Type: SQS}}")
        .replace("Timeout: 10", &format!("Timeout: 10\n    EventInvokeConfig: {config}"))
        .replace("SHARED: own", "SHARED: own, DEAD: !Ref Dead");
    let template = load(&template, &[]).unwrap();
    let mut queues: Vec<_> = template.queues.iter().map(|queue| queue.name.as_str()).collect();
    queues.sort_unstable();
    let on_failure = "stack-RowFunctionEventInvokeConfigOnFailureQueue";
    assert_eq!(queues, ["stack-Dead", on_failure, "stack-RowFunctionSweepQueue"]);
    let function = &template.functions[0];
    let rule = &function.rules[0];
    assert_eq!((rule.retries.maximum_attempts, rule.retries.maximum_age.as_secs()), (5, 86_400));
    assert_eq!(rule.dead_letter_queue.as_ref().unwrap().arn, arn_of("stack-Dead"));
    assert_eq!(rule.arn, "arn:aws:events:us-east-1:000000000000:rule/stack-RowFunctionTasks");
    let schedule = &function.schedules[0];
    assert_eq!(schedule.dead_letter_queue.as_ref().unwrap().arn, arn_of("stack-RowFunctionSweepQueue"));
    assert_eq!(schedule.arn, "arn:aws:scheduler:us-east-1:000000000000:schedule/default/RowFunctionSweep");
    assert_eq!(function.event_invoke.retries.maximum_attempts, 1);
    assert_eq!(function.event_invoke.on_failure, Some(arn_of(on_failure)));
    assert_eq!(function.policy.len(), 2, "the function may send to its destination");
    assert_eq!(function.environment["DEAD"], "http://sqs.test/000000000000/stack-Dead");
}

#[test]
fn a_schedule_says_when_and_with_what() {
    let events = r#"          Properties:
            ScheduleExpression: rate(1 hour)
            State: DISABLED
            Input: '{"a":1}'
            Name: hourly
            FlexibleTimeWindow: {Mode: "OFF"}
            RetryPolicy: {MaximumEventAgeInSeconds: 60}
        Nightly: {Type: Schedule, Properties: {Schedule: cron(0 3 * * ? *), Name: nightly, Description: at night}}"#;
    let template = load_with(events, "").unwrap();
    let [nightly, sweep] = template.functions[0].schedules.as_slice() else { panic!("two schedules") };
    assert_eq!((nightly.service, nightly.enabled), (ScheduleService::Rule, true));
    assert_eq!(nightly.expression, Expression::Calendar("cron(0 3 * * ? *)".into()));
    assert_eq!(nightly.arn, "arn:aws:events:us-east-1:000000000000:rule/nightly");
    assert_eq!(
        (sweep.service, sweep.enabled, sweep.input.as_deref()),
        (ScheduleService::Scheduler, false, Some(r#"{"a":1}"#))
    );
    assert_eq!(sweep.retries.maximum_age, Duration::from_secs(60));
    assert_eq!(sweep.arn, "arn:aws:scheduler:us-east-1:000000000000:schedule/default/hourly");
}

#[test]
fn a_queue_of_ones_own_needs_a_policy_that_lets_the_rule_send() {
    let events =
        "          Properties: {ScheduleExpression: rate(5 minutes), DeadLetterConfig: {Arn: !GetAtt Dead.Arn}}
        Dead: {Type: EventBridgeRule, Properties: {Pattern: {source: [a]}, DeadLetterConfig: {Arn: !GetAtt Dead.Arn}}}";
    let queue = "  Dead: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600, Tags: []}}\n";
    let error = load_with(events, queue).unwrap_err().to_string();
    let expected = format!(
        "Resources.RowFunction.Properties.Events.Dead.Properties.DeadLetterConfig.Arn: no AWS::SQS::QueuePolicy lets \
         events.amazonaws.com do sqs:SendMessage on {}, so that EventBridge would drop what it cannot deliver",
        arn_of("stack-Dead")
    );
    assert_eq!(error, expected);
    let policy = "  DeadPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Dead]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Dead.Arn
            Condition: {ArnEquals: {aws:SourceArn: !GetAtt RowFunctionDead.Arn}}
";
    let template = load_with(events, &format!("{queue}{policy}")).unwrap();
    assert_eq!(template.queues[0].retention, Duration::from_secs(1_209_600));
}

#[test]
fn deliveries_that_the_local_cloud_cannot_make_are_errors_with_their_place() {
    let at = "Resources.RowFunction.Properties";
    for (properties, more, expected) in [
        (
            "DeadLetterConfig: {Arn: arn:aws:sqs:us-east-1:000000000000:x}",
            "",
            format!(
                "{at}.Events.Sweep.Properties.DeadLetterConfig.Arn: `{}` is no queue of this template",
                arn_of("x")
            ),
        ),
        (
            "DeadLetterConfig: {Type: SNS}",
            "",
            format!("{at}.Events.Sweep.Properties.DeadLetterConfig.Type: must be SQS"),
        ),
        (
            "DeadLetterConfig: {}",
            "",
            format!("{at}.Events.Sweep.Properties.DeadLetterConfig: takes either `Arn` or `Type`"),
        ),
        (
            "RetryPolicy: {MaximumRetryAttempts: 186}",
            "",
            format!("{at}.Events.Sweep.Properties.RetryPolicy.MaximumRetryAttempts: 186 is not within 0..185"),
        ),
        (
            "StartDate: x",
            "",
            format!("{at}.Events.Sweep.Properties: the local cloud does not support `StartDate` of a ScheduleV2 event"),
        ),
        (
            "DeadLetterConfig: {Type: SQS, QueueLogicalId: Rows}",
            "",
            "Resources.RowFunction: SAM makes a resource `Rows` of this, and there is another one of that name"
                .to_owned(),
        ),
        (
            "State: ENABLED",
            "  Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: perhaps}}\n",
            "Resources.Q.Properties.FifoQueue: must be true or false".to_owned(),
        ),
        (
            "State: ENABLED",
            "  Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 43201}}\n",
            "Resources.Q.Properties.VisibilityTimeout: 43201 is not within 0..43200".to_owned(),
        ),
        (
            "State: ENABLED",
            "  R: {Type: AWS::Events::Rule}\n",
            "Resources.R.Type: the local cloud does not support AWS::Events::Rule; if the application does without it on a \
             laptop, name it in `Metadata.LocalCloud.LeftOut`"
                .to_owned(),
        ),
    ] {
        let events = format!("          Properties: {{ScheduleExpression: rate(5 minutes), {properties}}}");
        assert_eq!(without_cure(&load_with(&events, more).unwrap_err().to_string()), expected);
    }
    let destination =
        |config: &str| load_changed("Timeout: 10", &format!("Timeout: 10\n    EventInvokeConfig: {config}"));
    assert_eq!(
        destination("{DestinationConfig: {OnFailure: {Type: SNS, Destination: arn:x}}}"),
        format!(
            "{at}.EventInvokeConfig.DestinationConfig.OnFailure.Type: the local cloud does not support \
             destinations other than SQS queues"
        )
    );
    assert_eq!(
        destination("{MaximumRetryAttempts: 3}"),
        format!("{at}.EventInvokeConfig.MaximumRetryAttempts: 3 is not within 0..2")
    );
}

#[test]
fn an_api_and_a_function_have_the_limits_that_parameters_set() {
    let template = TEMPLATE
        .replace(
            "Parameters:",
            "Parameters:\n  Limit: {Type: Number, Default: 12.5}\n  One: {Type: Number, Default: 1}",
        )
        .replace(
            "MaxAge: 600}",
            "MaxAge: 600}
      AccessLogSettings: {DestinationArn: !GetAtt Logs.Arn, Format: '{\"status\":\"$context.status\"}'}
      DefaultRouteSettings: {ThrottlingRateLimit: !Ref Limit, ThrottlingBurstLimit: 20, DetailedMetricsEnabled: true}",
        )
        .replace("CodeUri: functions/row/", "CodeUri: functions/row/\n      ReservedConcurrentExecutions: !Ref One");
    let template = load(&template, &[]).unwrap();
    assert_eq!(template.api.throttle, Some(Throttle { rate: 12.5, burst: 20.0 }));
    assert_eq!(template.functions[0].max_concurrency, Some(1));
    let free = load(TEMPLATE, &[]).unwrap();
    assert_eq!((free.api.throttle, free.functions[0].max_concurrency), (None, None));
}

#[test]
fn a_table_may_be_protected_by_a_parameter() {
    let template = TEMPLATE
        .replace("Parameters:", "Parameters:\n  Protect: {Type: String, Default: 'true'}")
        .replace("BillingMode:", "DeletionProtectionEnabled: !Ref Protect\n      BillingMode:");
    assert_eq!(load(&template, &[]).unwrap().tables[0].create["DeletionProtectionEnabled"], true);
    let template = load(&template, &[("Protect", "false")]).unwrap();
    assert_eq!(template.tables[0].create["DeletionProtectionEnabled"], false);
}

#[test]
fn what_only_an_operator_looks_at_is_let_be() {
    let more = "  Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: !Sub '{}'}}
  Query: {Type: AWS::Logs::QueryDefinition, Properties: {Name: a, QueryString: b}}
  Filter: {Type: AWS::Logs::MetricFilter, Properties: {LogGroupName: !Ref Logs, FilterPattern: ''}}
";
    let events = "          Properties: {ScheduleExpression: rate(5 minutes)}\n";
    assert_eq!(load_with(events, more).unwrap().functions.len(), 1);
}

#[test]
fn topics_and_alarms_are_let_be() {
    let more = "  Dead: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Dimensions: [{Name: QueueName, Value: !GetAtt Dead.QueueName}]
      AlarmActions: [!Ref Topic]
";
    let events = "          Properties: {ScheduleExpression: rate(5 minutes)}\n";
    assert_eq!(load_with(events, more).unwrap().queues[0].name, "stack-Dead");
}
