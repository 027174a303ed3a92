"""Every alarm goes off when it should and ends when it should: alarms.py <the cloud's log>

tests/alarms starts the cloud. Of each alarm of template.yaml, its metric is made to move by what it is about: a function's
own log lines (the embedded metric format, and metric filters), a queue's messages, answers of the gateway, invocations
that fail. What only AWS can report is listed, with the reason. Then cloudwatch.py has the alarm judge good periods, bad
ones and good ones again; it must go off with the last bad period that it waits for, no earlier, and end after.
"""

import json
import re
import sys
import time
import unittest

import boto3
import yaml
from cloudwatch import ALARM, OK, Alarm, calculate, embedded, filtered, taken
from local_cloud import call, door, send, until

LOG = sys.argv.pop()
STACK = "greenroom"
LATENCY = ("AWS/ApiGateway", "Latency")
# Metrics that AWS reports by itself and the local cloud cannot have, each with the reason.
ONLY_AWS = {
    ("AWS/Lambda", "Throttles"): "Lambda counts what it refuses beyond an account's concurrency, which is not here",
    ("AWS/DynamoDB", "ReadThrottleEvents"): "DynamoDB counts them by partitions; ours throttles none by itself",
    ("AWS/DynamoDB", "WriteThrottleEvents"): "as for reads",
}

VISIBLE = "ApproximateNumberOfMessagesVisible"
# Of which type the resources are that a dimension names.
NAMED = {
    "ApiId": "AWS::Serverless::HttpApi",
    "FunctionName": "AWS::Serverless::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
}


class Template(yaml.SafeLoader):
    """template.yaml, with Ref and the like filled in by the logical ids; conditions hold."""


def filled(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "Sub":
            return value.replace("${AWS::StackName}", STACK)
        return {"AWS::StackName": STACK}.get(value, value.removesuffix(".QueueName"))
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    values = loader.construct_sequence(node, deep=True)
    return values[1] if suffix == "If" else values


Template.add_multi_constructor("!", filled)
with open("template.yaml", encoding="utf-8") as file:
    RESOURCES = yaml.load(file, Template)["Resources"]


def of_type(type):
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == type}


FILTERS = of_type("AWS::Logs::MetricFilter")
ALARMS = {name: Alarm(name, properties) for name, properties in of_type("AWS::CloudWatch::Alarm").items()}


class Log:
    """What the cloud's processes log from now on."""

    def __init__(self):
        with open(LOG, "rb") as log:
            self.begin = log.seek(0, 2)

    def lines(self):
        """The JSON lines, each after the name of who logged it."""
        with open(LOG, "rb") as log:
            log.seek(self.begin)
            text = log.read().decode(errors="replace")
        for name, line in re.findall(r"^\[([\w/-]+)\] (\{.*\})$", text, re.MULTILINE):
            yield name, json.loads(line)

    def reported(self):
        reported = []
        for name, line in self.lines():
            reported += embedded(line)
            # A function's log is not what the filters are of.
            if name.startswith(f"{STACK}-transwrap/"):
                reported += filtered(FILTERS["FreePlacesFilter"], line)
        return reported


def emitted(act, metric, sign):
    """What is reported of a metric of ours when something happens, once a line says that it has. Zeros are not reported."""
    log = Log()
    act()
    # Until nothing more is logged: what happens may be several requests.
    seen = 0
    while seen < (now := until(lambda: sum(sign in line for _, line in log.lines()))):
        seen = now
        time.sleep(0.2)
    return [entry for entry in log.reported() if entry[0] == ("Greenroom", metric)]


def fault(**what):
    door("PUT", "faults", what)


def heal():
    send("DELETE", "/_local/faults")


def internal_error():
    fault(service="dynamodb", operation="GetItem", fault={"kind": "error", "status": 400, "code": "AccessDeniedException"})
    call("GET", "/stages/demo", "alice")
    heal()


def limit_reached():
    door("PUT", "quotas", {"stages": 0})
    call("PUT", "/stages/one-too-many", "alice", {})
    door("PUT", "quotas", {"stages": 1000})


def owner_limit_reached():
    """An owner whose count is beyond any limit."""
    counter = {"name": {"S": "#owner/dave"}, "count": {"N": "1000000"}}
    boto3.client("dynamodb").put_item(TableName=f"{STACK}-stages", Item=counter)
    # Now and then is what limits are for.
    for _ in range(int(ALARMS["OwnerLimitsReachedAlarm"].properties["Threshold"]) + 1):
        call("PUT", "/stages/beyond", "dave", {})


def fetch():
    call("GET", "/stages/none", "alice")


def create():
    call("DELETE", "/stages/demo", "alice")
    call("PUT", "/stages/demo", "alice", {})


def asked_by_stack(request):
    door("POST", "custom-resources/SigningKeys", {"requestType": request})


def mint():
    call("POST", "/stages/demo/participants", "alice", {"renew": True})


def mint_without_key():
    create()
    asked_by_stack("Delete")
    mint()
    asked_by_stack("Create")


def schedule(name):
    # It answers with the invocation's failure, too.
    return lambda: send("POST", f"/_local/schedules/ReconcilerFunction.{name}/run")


def drift():
    """A stage that no row stands for."""
    tags = {"stack": STACK, "stage": "lost", "claim": "a" * 22, "lease-until": "2020-01-01T00:00:00Z"}
    boto3.client("ivs-realtime").create_stage(name="lost", tags={f"greenroom:{tag}": value for tag, value in tags.items()})
    boto3.client("lambda").invoke(FunctionName="ReconcilerFunction", Payload=json.dumps({"maxOrphans": 1}))


# Of each metric of ours that an alarm is about: what has it in good periods, and what in bad ones, each with the field
# of a line that says that it has happened. Where nothing happens, it is missing, which is what the alarms of age go off by.
OURS = {
    "InternalErrors": ((fetch, "InternalErrors"), (internal_error, "InternalErrors")),
    "LimitsReached": ((fetch, "InternalErrors"), (limit_reached, "LimitsReached")),
    "OwnerLimitsReached": ((fetch, "InternalErrors"), (owner_limit_reached, "OwnerLimitsReached")),
    "TokensMintedByIvs": ((create, "StagesCreated"), (mint_without_key, "TokensMintedByIvs")),
    "Reconciliations": ((schedule("EveryFiveMinutes"), "Reconciliations"), None),
    "StreamListings": ((schedule("EveryMinute"), "StreamListings"), None),
    "Drift": ((schedule("EveryFiveMinutes"), "Drift"), (drift, "OrphanStagesDeleted")),
    # Servers say it by themselves, once a minute.
    "FreePlaces": None,
}


def reported_by_ours(metric):
    if metric == "FreePlaces":
        log = Log()
        return until(lambda: [entry for entry in log.reported() if entry[0] == ("Greenroom", metric)], 90), []
    return [emitted(happens[0], metric, happens[1]) if happens else [] for happens in OURS[metric]]


def reported_by_gateway():
    """What API Gateway counts, by its answers."""
    def answers(since):
        return [request for request in door("GET", f"requests?since={since}")["requests"] if request.get("status")]

    def metrics(requests):
        reported = []
        for request in requests:
            latency = request["ms"]
            for name, value in (("Count", 1), ("5xx", int(request["status"] >= 500)), ("Latency", latency)):
                reported.append((("AWS/ApiGateway", name), {"ApiId": "Api"}, value))
        return reported

    def after(act):
        since = door("GET", "requests")["next"]
        act()
        # A request may change again when a line of its function comes late.
        return metrics({request["seq"]: request for request in until(lambda: answers(since))}.values())

    def failing():
        for _ in range(6):
            internal_error()

    def slow():
        # Each call is given up after two seconds.
        fault(service="dynamodb", operation="GetItem", times=2, fault={"kind": "latency", "ms": 1900})
        fault(service="dynamodb", operation="PutItem", times=2, fault={"kind": "latency", "ms": 1900})
        create()
        heal()

    return after(lambda: [fetch() for _ in range(20)]), after(failing), after(slow)


def consumed():
    """Queues that a function takes messages from: one that is sent is gone at once."""
    for function in of_type("AWS::Serverless::Function").values():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                yield event["Properties"]["Queue"].removesuffix(".Arn")


def reported_by_queue(queue, bad):
    """A queue with nothing, and with so many messages in it."""
    if queue in consumed():
        return tuple([(("AWS/SQS", VISIBLE), {"QueueName": queue}, count)] for count in (0, bad))
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{STACK}-{queue}")["QueueUrl"]

    def messages():
        got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(got["Attributes"]["ApproximateNumberOfMessages"])
        return [(("AWS/SQS", VISIBLE), {"QueueName": queue}, count)]

    sqs.purge_queue(QueueUrl=url)
    good = messages()
    for _ in range(bad):
        sqs.send_message(QueueUrl=url, MessageBody="{}")
    full = messages()
    sqs.purge_queue(QueueUrl=url)
    return good, full


def reported_by_function(function, bad):
    """A function that is not invoked, and one that fails so many times: it does not know the event. One of the API answers
    whatever it is given, so that what is left is a crash, which Lambda counts; tests/chaos has functions crash."""
    events = RESOURCES[function]["Properties"].get("Events", {})
    if any(event["Type"] == "HttpApi" for event in events.values()):
        return [], [(("AWS/Lambda", "Errors"), {"FunctionName": function}, bad)]
    invoke = boto3.client("lambda").invoke
    answers = [invoke(FunctionName=function, Payload=json.dumps("nothing that it knows")) for _ in range(bad)]
    return [], [(("AWS/Lambda", "Errors"), {"FunctionName": function}, int("FunctionError" in answer)) for answer in answers]


class Alarms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        door("PUT", "quotas", {name: 1000 for name in door("GET", "quotas") if name[0].isupper()})

    def judge(self, alarm, good, bad):
        """The alarm over good periods, bad ones and good ones again."""
        good, bad = alarm.point(good), alarm.point(bad)
        points = [good] * alarm.periods
        self.assertEqual(alarm.state(points), OK, f"{alarm.name}: in good periods: {good}")
        for period in range(1, alarm.of_them + 1):
            points.append(bad)
            expected = ALARM if period == alarm.of_them else OK
            self.assertEqual(alarm.state(points), expected, f"{alarm.name}: after {period} bad periods: {bad}")
        points += [good] * (alarm.periods - alarm.of_them + 1)
        self.assertEqual(alarm.state(points), OK, f"{alarm.name}: after it is over: {good}")

    def reported(self, alarm, metric, dimensions):
        """What is reported of one metric in a good period, and in one that is bad by as little as can be."""
        namespace, name = metric
        bad = int(alarm.properties["Threshold"]) + 1
        if metric in ONLY_AWS:
            return [], [(metric, dimensions, bad)]
        if namespace == "AWS/SQS":
            return reported_by_queue(dimensions["QueueName"], bad)
        if namespace == "AWS/Lambda" and name == "Errors":
            return reported_by_function(dimensions["FunctionName"], bad)
        if metric == ("Greenroom", "RequestsThrottled"):
            # The gateway here refuses nothing by rate. The line is made by the template's own format.
            form = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]
            lines = [re.sub(r"\$context\.[\w.]+", "-", form.replace("$context.status", status)) for status in ("200", "429")]
            return [list(filtered(FILTERS["CallersThrottledFilter"], json.loads(line))) for line in lines]
        if namespace == "Greenroom" and name in OURS:
            return reported_by_ours(name)
        self.fail(f"nothing here has {namespace} {name} move: add it, or say why only AWS can")

    def test_each_alarm_goes_off_by_each_of_its_metrics_and_ends(self):
        self.assertGreater(len(ALARMS), 15)
        for alarm in ALARMS.values():
            inputs = alarm.metrics.values()
            if any(namespace == "AWS/ApiGateway" for (namespace, _), _, _ in inputs):
                continue
            for metric, dimensions, _ in inputs:
                with self.subTest(alarm=alarm.name, metric=metric, dimensions=dimensions):
                    self.judge(alarm, *self.reported(alarm, metric, dimensions))

    def test_each_dimension_names_what_the_template_has(self):
        for alarm in ALARMS.values():
            for (namespace, _), dimensions, _ in alarm.metrics.values():
                for name, value in dimensions.items():
                    with self.subTest(alarm=alarm.name, dimension=name, value=value):
                        if namespace == "Greenroom":
                            self.assertEqual((name, value), ("stack", STACK))
                        else:
                            self.assertIn(value, of_type(NAMED[name]))
                self.assertTrue(dimensions, alarm.name)

    def test_the_alarms_of_the_gateway_go_off_by_its_answers_and_end(self):
        good, failing, slow = reported_by_gateway()
        self.judge(ALARMS["ServerErrorsAlarm"], good, failing)
        slow = [entry for entry in slow if entry[2] > ALARMS["LatencyAlarm"].properties["Threshold"]]
        # A hundredth and one more, of as many requests as CloudWatch judges a p99 by.
        thousand = [entry for entry in good if entry[0] == LATENCY][:1] * 1000
        self.judge(ALARMS["LatencyAlarm"], thousand, thousand[11:] + slow[:1] * 11)
        by_gateway = {
            name for name, alarm in ALARMS.items() if any(of[0] == "AWS/ApiGateway" for of, _, _ in alarm.metrics.values())
        }
        self.assertEqual(by_gateway, {"ServerErrorsAlarm", "LatencyAlarm"})

    def test_of_fewer_than_a_thousand_requests_the_slowest_of_a_hundred_changes_nothing(self):
        alarm = ALARMS["LatencyAlarm"]

        def point(requests, slow):
            values = [9000] * slow + [10] * (requests - slow)
            return alarm.point([(LATENCY, {"ApiId": "Api"}, value) for value in values])

        for requests, slow, before, expected in (
            (999, 999, OK, OK), (999, 0, ALARM, ALARM), (1000, 10, OK, OK), (1000, 11, OK, ALARM), (1000, 10, ALARM, OK),
            (0, 0, ALARM, OK),
        ):
            points = [point(requests, slow)] * alarm.periods
            self.assertEqual(alarm.state(points, before), expected, f"{slow} of {requests}, {before} before")
        # Two that are judged are not three.
        self.assertEqual(alarm.state([point(1000, 1000)] * 2 + [point(999, 999)]), OK)

    def test_four_failures_are_none_and_one_in_a_hundred_is_one_too_many(self):
        alarm = ALARMS["ServerErrorsAlarm"]
        for errors, requests, expected in ((4, 4, OK), (5, 500, OK), (6, 599, ALARM), (0, 0, OK)):
            reported = [(("AWS/ApiGateway", "5xx"), {"ApiId": "Api"}, 1)] * errors
            reported += [(("AWS/ApiGateway", "Count"), {"ApiId": "Api"}, 1)] * requests
            self.assertEqual(alarm.state([alarm.point(reported)] * 2), expected, f"{errors} of {requests}")

    def test_whoever_can_report_a_metric_does_so_under_the_name_and_dimensions_of_its_alarm(self):
        for metric in ONLY_AWS:
            self.assertTrue(any(metric == of for alarm in ALARMS.values() for of, _, _ in alarm.metrics.values()), metric)
        ours = {name for alarm in ALARMS.values() for (of, name), _, _ in alarm.metrics.values() if of == "Greenroom"}
        self.assertEqual(ours - {"RequestsThrottled"}, set(OURS))


class Rules(unittest.TestCase):
    """What the judgement of alarms rests on."""

    def test_of_missing_data_nothing_is_made_but_by_fill(self):
        metrics = {"a": None, "b": 2.0}
        for expression, expected in (
            ("a + b", None), ("SUM(METRICS())", 2.0), ("SUM(FILL(METRICS(), 0))", 2.0), ("IF(a > 1, 1, 0)", None),
            ("FILL(a, 3) * b", 6.0), ("b / 0", None), ("IF((b >= 2) AND (b < 3), b, 0)", 2.0),
        ):
            self.assertEqual(calculate(expression, metrics), expected, expression)
        self.assertIsNone(calculate("SUM(METRICS())", {"a": None}))
        with self.assertRaises(ValueError):
            calculate("RATE(b)", metrics)

    def test_missing_data_breaches_or_not_as_the_alarm_says(self):
        for treated, expected in (("breaching", ALARM), ("notBreaching", OK)):
            alarm = Alarm("any", {
                "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 2,
                "Threshold": 1, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": treated,
            })
            self.assertEqual(alarm.state([1, 1, None, None]), expected)
            self.assertEqual(alarm.state([1, None, 1]), OK)

    def test_a_filter_takes_numbers_as_numbers_and_texts_as_texts(self):
        for pattern, line, expected in (
            ("{ $.places >= 0 }", {"places": 0}, True), ("{ $.places >= 0 }", {}, False),
            ("{ $.places >= 0 }", {"places": "3"}, False), ('{ $.status = "429" }', {"status": "429"}, True),
            ('{ $.status = "429" }', {"status": "200"}, False),
        ):
            self.assertEqual(taken(pattern, line), expected, f"{pattern} {line}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
