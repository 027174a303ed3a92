"""Holds scripts/generate-operations and scripts/check-operations to what they promise, on templates that are made up from
template.yaml: .venv/bin/python tests/operations.py"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from cfnlint.decode import cfn_yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNCTIONS, TABLES = 40, 30


def function(name, events="{Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /made-up}}}"):
    return f"""\
  {name}Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{name.lower()}
      # As the others.
      MemorySize: 256
      Timeout: 10
      LoggingConfig: {{LogFormat: JSON, LogGroup: !Ref {name}Logs}}
      Events: {events}

"""


def table(name):
    return f"""\
  {name}Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: name, AttributeType: S}}]
      KeySchema: [{{AttributeName: name, KeyType: HASH}}]

"""


class Project:
    """A copy of what the two scripts read, with resources added and text replaced."""

    def __init__(self, folder, resources="", replaced=()):
        self.root = pathlib.Path(folder)
        for name in ("docs", "functions", "shared", "transwrap"):
            (self.root / name).symlink_to(ROOT / name)
        text = (ROOT / "template.yaml").read_text().replace("\nResources:\n", f"\nResources:\n{resources}", 1)
        for old, new in replaced:
            assert text.count(old) == 1, f"{old!r} is in template.yaml {text.count(old)} times"
            text = text.replace(old, new)
        self.path = self.root / "template.yaml"
        self.path.write_text(text)

    def run(self, script, *arguments):
        command = [sys.executable, ROOT / "scripts" / script, "--root", self.root, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def of(self, kind):
        resources = cfn_yaml.load(str(self.path))["Resources"]
        return {name: each.get("Properties", {}) for name, each in resources.items() if each["Type"] == kind}

    def alarms_on(self, metric):
        """The alarms on a metric, each with the resources in it."""
        found = {}
        for name, alarm in self.of("AWS::CloudWatch::Alarm").items():
            stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
            named = [each["Dimensions"][0]["Value"]["Ref"] for each in stats if each["MetricName"] == metric]
            if named:
                found[name] = named
        return found


class Operations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Makes a project of 40 functions and 30 tables, and generates."""
        text = (ROOT / "template.yaml").read_text()
        present = {kind: text.count(f"\n    Type: {kind}\n") for kind in ("AWS::Serverless::Function", "AWS::DynamoDB::Table")}
        made = [function(f"Made{n}") for n in range(FUNCTIONS - present["AWS::Serverless::Function"])]
        made += [table(f"Made{n}s") for n in range(TABLES - present["AWS::DynamoDB::Table"])]
        cls.full = cls.project("".join(made))
        cls.full.run("generate-operations").check_returncode()

    @classmethod
    def project(cls, *arguments, **keywords):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        return Project(folder.name, *arguments, **keywords)

    def succeeds(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def fails(self, done, reason):
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(reason, done.stdout + done.stderr)

    def test_template_yaml_is_as_it_is_generated(self):
        self.succeeds(self.project().run("generate-operations", "--check"))

    def test_forty_functions_and_thirty_tables_pass_every_check(self):
        self.succeeds(self.full.run("check-operations"))
        linter = pathlib.Path(sys.executable).with_name("cfn-lint")
        self.succeeds(subprocess.run([linter, self.full.path], capture_output=True, text=True, check=False))

    def test_no_alarm_passes_cloudwatchs_limit_however_many_functions_and_tables_there_are(self):
        for name, alarm in self.full.of("AWS::CloudWatch::Alarm").items():
            self.assertLessEqual(len(alarm.get("Metrics", [])), 10, name)
        self.assertEqual(len(self.full.alarms_on("Throttles")), 5)
        self.assertEqual(len(self.full.alarms_on("ReadThrottleEvents")), 8)

    def test_every_function_and_table_is_in_one_alarm_a_query_and_the_dashboard(self):
        full = self.full
        functions, tables = full.of("AWS::Serverless::Function"), full.of("AWS::DynamoDB::Table")
        self.assertEqual((len(functions), len(tables)), (FUNCTIONS, TABLES))
        for metric, all_of_them in (("Throttles", functions), ("ReadThrottleEvents", tables), ("WriteThrottleEvents", tables)):
            watched = [name for names in full.alarms_on(metric).values() for name in names]
            self.assertEqual(sorted(watched), sorted(all_of_them), metric)
        body = full.of("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
        widgets = [widget["properties"] for widget in json.loads(body)["widgets"]]
        shown = [each[3] for widget in widgets for each in widget.get("metrics", []) if each[1] in ("Errors", "ReadThrottleEvents")]
        self.assertEqual(sorted(shown), sorted(f"${{{name}}}" for name in [*functions, *tables]))
        alarms = [arn for widget in widgets for arn in widget.get("alarms", [])]
        self.assertEqual(sorted(alarms), sorted(f"${{{name}.Arn}}" for name in full.of("AWS::CloudWatch::Alarm")))
        groups = {re.sub("Function$", "Logs", name) for name in functions}
        read = {group["Ref"] for group in full.of("AWS::Logs::QueryDefinition")["ErrorsQuery"]["LogGroupNames"]}
        self.assertEqual(read, groups)

    def test_a_function_that_is_new_and_not_generated_for_fails_ci(self):
        project = self.project(function("New"))
        self.fails(project.run("generate-operations", "--check"), "+  NewLogs:")
        self.fails(project.run("check-operations"), "NewFunction: no alarm on its Throttles")

    def test_what_is_edited_by_hand_in_the_generated_part_fails_ci(self):
        project = self.project(replaced=[('"title": "Drift"', '"title": "Drifting"')])
        self.fails(project.run("generate-operations", "--check"), "Drifting")
        self.succeeds(project.run("generate-operations"))
        self.assertEqual(project.path.read_text(), (ROOT / "template.yaml").read_text())

    def test_a_function_that_answers_no_callers_needs_an_alarm_of_its_own(self):
        project = self.project(function("New", "{Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}}"))
        self.succeeds(project.run("generate-operations"))
        self.assertNotIn("NewFunction", sum(project.alarms_on("Errors").values(), []))
        self.fails(project.run("check-operations"), "NewFunction: no alarm on its Errors, nor on a queue of its failures")

    def test_the_numbers_of_a_queue_and_of_the_function_that_takes_its_messages_agree(self):
        retention = "MessageRetentionPeriod: 21600"
        for old, new, reason in (
            ("VisibilityTimeout: 721", "VisibilityTimeout: 720", "720 s is less than 721, six runs of RecoveryFunction and the window"),
            ("MaximumBatchingWindowInSeconds: 1", "MaximumBatchingWindowInSeconds: 0", "more than ten needs a MaximumBatchingWindow"),
            ("ScalingConfig: {MaximumConcurrency: 2}", "ScalingConfig: {MaximumConcurrency: 1}", "no MaximumConcurrency of less than two"),
            ("FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true", "would bring all of its batch again"),
            ("maxReceiveCount: 5", "maxReceiveCount: 1", "must give a message more than one try"),
            (retention, "MessageRetentionPeriod: 2000", "a message ends by its age before it is a dead letter"),
            ("deadLetterTargetArn: !GetAtt FailedRecoveries.Arn", "deadLetterTargetArn: none", "nor on a queue of its failures"),
        ):
            self.fails(self.project(replaced=[(old, new)]).run("check-operations"), reason)

    def test_a_function_needs_the_log_group_that_is_made_for_it(self):
        project = self.project(function("New").replace("!Ref NewLogs", "!Ref StageLogs"))
        self.fails(project.run("generate-operations"), "NewFunction: LoggingConfig must have LogGroup: !Ref NewLogs")

    def test_more_functions_than_a_query_reads_log_groups_are_told_of(self):
        project = self.project("".join(function(f"Made{n}") for n in range(50)))
        self.fails(project.run("generate-operations"), "a query reads 50 log groups at most")

    def test_an_alarm_that_is_written_out_may_not_pass_cloudwatchs_limit_either(self):
        more = "".join(f"        - {{Id: more{n}, Expression: errors + {n}, ReturnData: false}}\n" for n in range(8))
        project = self.project(replaced=[("        - Id: errors\n", f"{more}        - Id: errors\n")])
        self.fails(project.run("check-operations"), "ServerErrorsAlarm: 11 metrics and expressions; CloudWatch takes 10")

    def test_a_metric_of_a_log_line_that_a_server_does_not_write_is_refused(self):
        wrong = self.project(replaced=[("FilterPattern: \"{ $.places >= 0 }\"", "FilterPattern: \"{ $.seats >= 0 }\"")])
        self.fails(wrong.run("check-operations"), "FreePlacesFilter: no log line has the field seats")

    def test_a_dashboard_of_the_stacks_name_alone_is_refused(self):
        named = "DashboardName: !Sub ${AWS::StackName}-${AWS::Region}"
        project = self.project(replaced=[(named, "DashboardName: !Ref AWS::StackName")])
        self.fails(project.run("check-operations"), "dashboards are global in an account, so its name must have the region")


if __name__ == "__main__":
    unittest.main()
