"""What each alarm of template.yaml is about, made to happen in the local cloud, and what AWS's services count of it.

What an alarm is to go off by is said here, and not read from the alarm: one that looks at another metric, function, queue
or table than it should stays quiet. The local cloud has no CloudWatch. What is logged is counted by the template's own
filters and by the embedded metric format; what Lambda, SQS, DynamoDB and API Gateway count by themselves is counted here,
by what they answered.
"""

import collections
import concurrent.futures
import contextlib
import functools
import glob
import json
import os
import re
import signal
import sys
import time

import boto3
from alarms_template import ALARMS, FILTERS, FUNCTIONS, QUEUES, RESOURCES, STACK, TABLES, is_of_the_api
from botocore.config import Config
from botocore.exceptions import ClientError
from cloudwatch import embedded, filtered
from local_cloud import call, door, send, until

LOG, CLOUD = sys.argv.pop(), int(sys.argv.pop())
LATENCY = ("AWS/ApiGateway", "Latency")
# What is counted is what was answered, and not what it came to after retries.
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=60)

# What an alarm is to go off by, and to whom it happened. `quiet` and `loud` are what is reported in a period without it and
# in one with it: namespace and name, dimensions, value. `given` says what of it did not happen.
Cause = collections.namedtuple("Cause", "alarm how quiet loud of given", defaults=["", ""])


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


def emitted(act, is_sign):
    """All that is reported when something happens, once lines say that it has."""
    log = Log()
    act()
    # Until nothing more is logged: what happens may be several requests.
    seen = 0
    while seen < (now := until(lambda: sum(is_sign(name, line) for name, line in log.lines()))):
        seen = now
        time.sleep(0.2)
    return log.reported()


def says(field):
    return lambda _, line: field in line


def fails(name, line):
    return name == "ReconcilerFunction" and line.get("level") == "ERROR"


@contextlib.contextmanager
def fault(service, operation, kind, times=None, **order):
    """A fault of the local cloud's for as long as this lasts."""
    door("PUT", "faults", {"service": service, "operation": operation, "fault": kind, "times": times, **order})
    try:
        yield
    finally:
        send("DELETE", "/_local/faults")


def error(status, code):
    return {"kind": "error", "status": status, "code": code}


THROTTLE = {"kind": "throttle"}
DENIED = error(400, "AccessDeniedException")


# What happens to callers.


def fetch():
    call("GET", "/stages/none", "alice")


def internal_error():
    with fault("dynamodb", "GetItem", DENIED):
        call("GET", "/stages/demo", "alice")


def limit_reached():
    door("PUT", "quotas", {"stages": 0})
    call("PUT", "/stages/one-too-many", "alice", {})
    door("PUT", "quotas", {"stages": 1000})


def owner_limit_reached():
    """An owner whose count is beyond any limit, and who goes on."""
    counter = {"name": {"S": "#owner/dave"}, "count": {"N": "1000000"}}
    boto3.client("dynamodb").put_item(TableName=f"{STACK}-stages", Item=counter)
    # Now and then is what limits are for.
    for _ in range(int(ALARMS["OwnerLimitsReachedAlarm"].properties["Threshold"]) + 1):
        call("PUT", "/stages/beyond", "dave", {})


def create():
    call("DELETE", "/stages/demo", "alice")
    call("PUT", "/stages/demo", "alice", {})


def mint_without_key():
    create()
    door("POST", "custom-resources/SigningKeys", {"requestType": "Delete"})
    call("POST", "/stages/demo/participants", "alice", {"renew": True})
    door("POST", "custom-resources/SigningKeys", {"requestType": "Create"})


def of_requests():
    quiet = emitted(fetch, says("InternalErrors"))
    yield Cause("InternalErrorsAlarm", "DynamoDB refuses the function", quiet, emitted(internal_error, says("InternalErrors")))
    yield Cause("LimitsReachedAlarm", "IVS's quota is used up", quiet, emitted(limit_reached, says("LimitsReached")))
    beyond = emitted(owner_limit_reached, says("OwnerLimitsReached"))
    yield Cause("OwnerLimitsReachedAlarm", "an owner of too many stages goes on creating", quiet, beyond)
    quiet, loud = emitted(create, says("StagesCreated")), emitted(mint_without_key, says("TokensMintedByIvs"))
    yield Cause("FallbackMintingAlarm", "a token is asked for when the keys have been ended", quiet, loud)


# What happens at the gateway.


def answered(act):
    """The requests that came while something happened."""
    since = door("GET", "requests")["next"]
    act()

    def answers():
        return [request for request in door("GET", f"requests?since={since}")["requests"] if request.get("status")]

    # A request may change again when a line of its function comes late.
    return list({request["seq"]: request for request in until(answers)}.values())


def of_gateway():
    def counted(act):
        reported = []
        for request in answered(act):
            values = {"Count": 1, "5xx": int(request["status"] >= 500), "Latency": request["ms"]}
            reported += [(("AWS/ApiGateway", name), {"ApiId": "Api"}, value) for name, value in values.items()]
        return reported

    def slow():
        # Each call is given up after two seconds.
        late = {"kind": "latency", "ms": 1900}
        with fault("dynamodb", "GetItem", late, 2), fault("dynamodb", "PutItem", late, 2):
            create()

    def failing():
        # At once, since each waits for seconds.
        with fault("dynamodb", "GetItem", {"kind": "latency", "ms": 2500}), concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda _: fetch(), range(6)))

    good, bad = counted(lambda: [fetch() for _ in range(20)]), counted(failing)
    how, given = "six requests wait for DynamoDB in vain", "the 600 good requests among which six are few: 20, thirty times"
    yield Cause("ServerErrorsAlarm", how, good * 30 + bad, bad, given=given)
    late = [entry for entry in counted(slow) if entry[2] > ALARMS["LatencyAlarm"].properties["Threshold"]]
    # A hundredth and one more, of as many requests as CloudWatch judges a p99 by.
    thousand = [entry for entry in good if entry[0] != LATENCY] + [entry for entry in good if entry[0] == LATENCY][:1] * 1000
    given = "the requests of a period are one fast and one slow, a thousand times"
    how = "DynamoDB is slow, twice in a request"
    yield Cause("LatencyAlarm", how, thousand, thousand[:-11] + late[:1] * 11, given=given)
    yield throttled_callers()


def throttled_callers():
    """More requests at once than a route takes."""

    def line(request):
        form = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]
        known = {"status": str(request["status"]), "routeKey": request["route"] or "-"}
        return json.loads(re.sub(r"\$context\.([\w.]+)", lambda name: known.get(name[1], "-"), form))

    def counted(act):
        return [entry for request in answered(act) for entry in filtered(FILTERS["CallersThrottledFilter"], line(request))]

    def burst():
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = pool.map(lambda _: send("GET", "/health")[0], range(200))
            if 429 not in statuses:
                raise AssertionError("a burst was let through")

    how, given = "a burst is answered 429", "the lines of the access log, made by the template's format"
    return Cause("CallersThrottledAlarm", how, counted(lambda: send("GET", "/health")), counted(burst), given=given)


# What happens to functions.


def invoked(function, payload):
    """What Lambda counts of an invocation, and the error that the function answered."""
    dimensions = {"FunctionName": function}
    try:
        answer = boto3.client("lambda", config=ONCE).invoke(FunctionName=function, Payload=payload)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "TooManyRequestsException":
            raise
        return [(("AWS/Lambda", "Throttles"), dimensions, 1)], None
    error = json.load(answer["Payload"]) if "FunctionError" in answer else None
    counted = {"Invocations": 1, "Errors": int(error is not None), "Throttles": 0}
    return [(("AWS/Lambda", name), dimensions, value) for name, value in counted.items()], error


def binary_of(function):
    return os.path.basename(FUNCTIONS[function]["CodeUri"])


def fixtures(function):
    """Events of a function, each of which it knows."""
    for path in sorted(glob.glob(f"events/{binary_of(function)}/*.json")):
        if "invalid" not in path and "malformed" not in path:
            with open(path, "rb") as file:
                yield file.read()


def calls_of(function, act):
    """What a function called while something happened."""
    since = door("GET", "calls")["next"]
    act()
    calls = door("GET", f"calls?since={since}")["calls"]
    return [(one["service"], one["operation"]) for one in calls if one["function"] == function]


def suspend(function):
    """Stops the function's processes where they stand."""
    for children in glob.glob(f"/proc/{CLOUD}/task/*/children"):
        with open(children, encoding="ascii") as file:
            for child in file.read().split():
                if os.path.basename(os.readlink(f"/proc/{child}/exe")) == binary_of(function):
                    os.kill(int(child), signal.SIGSTOP)


def crash(function):
    """A function dies at its first call to AWS; one that has none runs out of time."""
    for event in fixtures(function):
        quiet = []
        calls = calls_of(function, lambda: quiet.extend(invoked(function, event)[0]))
        if not calls:
            continue
        service, operation = calls[0]
        with fault(service, operation, {"kind": "kill", "when": "before"}, 1, function=function):
            loud, error = invoked(function, event)
        if error:
            return "a function is killed at its first call to AWS", quiet, loud, function
    quiet, _ = invoked(function, event)
    suspend(function)
    loud, error = invoked(function, event)
    if not error or "timed out" not in error["errorMessage"]:
        raise AssertionError(f"{function} was stopped, and answered {error}")
    return "a function is stopped and runs out of time", quiet, loud, function


def of_functions():
    for function in filter(is_of_the_api, FUNCTIONS):
        yield Cause("FunctionErrorsAlarm", *crash(function))
    for function, event in (("SigningKeysFunction", "signing-keys/schedule"), ("ReconcilerFunction", "reconciler/schedule")):
        with open(f"events/{event}.json", "rb") as file:
            quiet, _ = invoked(function, file.read())
        loud, _ = invoked(function, json.dumps("nothing that it knows"))
        yield Cause(function.replace("Function", "Alarm"), "a function does not know an event", quiet, loud, function)
    for function in FUNCTIONS:
        event = next(fixtures(function))
        with fault("lambda", "Invoke", THROTTLE):
            loud, _ = invoked(function, event)
        how = "Lambda answers an invocation 429, by a fault: it does not run out of concurrency here"
        yield Cause("FunctionThrottlesAlarm", how, invoked(function, event)[0], loud, function)


# What happens to tables.


def of_tables():
    dynamodb = boto3.client("dynamodb", config=ONCE)
    for table, properties in TABLES.items():
        types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
        names = [one["AttributeName"] for one in properties["KeySchema"]]
        key = {name: {types[name]: "0" if types[name] == "N" else "nobody"} for name in names}
        for metric, operation, ask in (
            ("ReadThrottleEvents", "GetItem", dynamodb.get_item), ("WriteThrottleEvents", "DeleteItem", dynamodb.delete_item),
        ):
            def counted():
                try:
                    ask(TableName=properties["TableName"], Key=key)
                except dynamodb.exceptions.ProvisionedThroughputExceededException:
                    return [(("AWS/DynamoDB", metric), {"TableName": table}, 1)]
                return []

            with fault("dynamodb", operation, THROTTLE):
                loud = counted()
            how = f"DynamoDB throttles {operation}, by a fault: it has no partitions here"
            yield Cause("TableThrottlesAlarm", how, counted(), loud, table)


# What happens to messages.


def url(queue):
    return boto3.client("sqs").get_queue_url(QueueName=f"{STACK}-{queue}")["QueueUrl"]


def depth(queue, which="ApproximateNumberOfMessages"):
    got = boto3.client("sqs").get_queue_attributes(QueueUrl=url(queue), AttributeNames=[which])
    return int(got["Attributes"][which])


def depths():
    """What SQS counts of all queues."""
    metric = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    return [(metric, {"QueueName": queue}, depth(queue)) for queue in QUEUES]


def emptied():
    for queue in QUEUES:
        boto3.client("sqs").purge_queue(QueueUrl=url(queue))
    return depths()


def deliver(event):
    """An event that rules match, as of this account; waits until it is delivered."""
    with open(f"events/{event}.json", encoding="utf-8") as file:
        door("POST", "events?wait=true", json.loads(file.read().replace("123456789012", "000000000000")))


def of_queues():
    for kind, event, function in (
        ("Task", "task-tracker/running", "TaskTrackerFunction"),
        ("Stream", "stream-tracker/stream-start", "StreamTrackerFunction"),
    ):
        queue = f"Undelivered{kind}Events"
        quiet = emptied()
        with fault("lambda", "Invoke", error(403, "AccessDeniedException")):
            deliver(event)
            until(lambda: depth(queue))
            yield Cause(f"{queue}Alarm", "Lambda does not accept an event", quiet, depths(), function)
        queue = f"Failed{kind}Events"
        quiet = emptied()
        service, operation = calls_of(function, lambda: deliver(event))[0]
        with fault(service, operation, {"kind": "kill", "when": "before"}, function=function):
            deliver(event)
            until(lambda: depth(queue))
            yield Cause(f"{queue}Alarm", f"a function is killed at {operation}, three times", quiet, depths(), function)
    yield from of_recovery()


def of_recovery():
    sqs, queue = boto3.client("sqs"), url("RecoveryQueue")
    quiet = emptied()
    with fault("lambda", "Invoke", THROTTLE):
        # Lambda holds as many batches as it may; what else comes waits in the queue.
        mapping = FUNCTIONS["RecoveryFunction"]["Events"]["Orders"]["Properties"]
        held = mapping["BatchSize"] * mapping["ScalingConfig"]["MaximumConcurrency"]
        for number in range(held + 1):
            body = json.dumps({"kind": "stage", "name": f"none-{number}"})
            sqs.send_message(QueueUrl=queue, MessageBody=body)
        until(lambda: depth("RecoveryQueue", "ApproximateNumberOfMessagesNotVisible") > 0 and rests("RecoveryQueue"))
        how = "Lambda answers the invocation for a batch 429, by a fault"
        yield Cause("RecoveryQueueAlarm", how, quiet, depths(), "RecoveryFunction")
        quiet = depths()
        # A message that fails is hidden for twelve minutes. Receptions count all the same if they hide it for none.
        until(lambda: sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0) and depth("FailedRecoveries"))
        how = "a message is received and not deleted, five times"
        given = "that RecoveryFunction is who received it, twelve minutes apart"
        yield Cause("FailedRecoveriesAlarm", how, quiet, depths(), given=given)
        emptied()


def rests(queue):
    """Whether messages wait in a queue and none is taken."""
    before = depth(queue)
    time.sleep(0.5)
    return before > 0 and depth(queue) == before


# What happens by the clock.


def scheduled(name):
    # It answers with the invocation's failure, too.
    return send("POST", f"/_local/schedules/ReconcilerFunction.{name}/run")


def drift():
    """A stage that no row stands for."""
    tags = {"stack": STACK, "stage": "lost", "claim": "a" * 22, "lease-until": "2020-01-01T00:00:00Z"}
    boto3.client("ivs-realtime").create_stage(name="lost", tags={f"greenroom:{tag}": value for tag, value in tags.items()})
    boto3.client("lambda").invoke(FunctionName="ReconcilerFunction", Payload=json.dumps({"maxOrphans": 1}))


def half_a_run():
    """Stages cannot be listed; what is on air can."""
    with fault("ivs", "ListStages", DENIED):
        scheduled("EveryFiveMinutes")
    scheduled("EveryMinute")


def no_listing():
    with fault("ivs", "ListStreams", DENIED):
        scheduled("EveryMinute")


def of_runs():
    run = emitted(lambda: scheduled("EveryFiveMinutes"), says("Reconciliations"))
    how = "the reconciler cannot list stages"
    yield Cause("ReconcilerAgeAlarm", how, run, emitted(half_a_run, says("StreamListings")))
    listing = emitted(lambda: scheduled("EveryMinute"), says("StreamListings"))
    how = "the reconciler cannot list what is on air"
    yield Cause("StreamListingAgeAlarm", how, listing, emitted(no_listing, fails))
    how = "a stage without a row is deleted"
    yield Cause("ReconcilerDriftAlarm", how, run, emitted(drift, says("OrphanStagesDeleted")))


# What happens to servers.


def of_servers():
    """Servers say it by themselves, once a minute. When none is left, none says so; meanwhile comes what does not need one."""
    log = Log()

    def free_places():
        return [entry for entry in log.reported() if entry[0] == ("Greenroom", "FreePlaces")]

    until(free_places, 90)
    quiet = log.reported()
    ecs = boto3.client("ecs")
    ecs.update_service(cluster="transwrap", service="transwrap", desiredCount=0)
    until(lambda: not ecs.list_tasks(cluster="transwrap")["taskArns"], 60)
    log, since = Log(), time.monotonic()
    yield from of_requests()
    yield from of_gateway()
    yield from of_runs()
    yield from of_functions()
    yield from of_tables()
    yield from of_queues()
    until(lambda: time.monotonic() > since + 61, 65)
    yield Cause("FreePlacesAlarm", "there has been no server for a minute", quiet, log.reported())


@functools.cache
def causes():
    """All of them, once they have happened."""
    # As many calls of IVS as are wanted.
    door("PUT", "quotas", {name: 1000 for name in door("GET", "quotas") if name[0].isupper()})
    return list(of_servers())
