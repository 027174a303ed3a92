"""What each alarm of template.yaml is about, made to happen in the local cloud, and what AWS's services count of it.

What an alarm is to go off by is said here, and not read from the alarm: one that looks at another metric, function, queue
or table than it should stays quiet. The local cloud has no CloudWatch. What is logged is counted by the template's own
filters and by the embedded metric format; what Lambda, SQS, DynamoDB and API Gateway count by themselves is counted here,
by what they answered.
"""

import concurrent.futures
import functools
import json
import re
import time

import boto3
from alarms_cause import DENIED, ONCE, THROTTLE, Cause, Log, emitted, fails, fault, says
from alarms_functions import of_functions
from alarms_messages import of_queues
from alarms_template import ALARMS, FILTERS, RESOURCES, STACK, TABLES
from cloudwatch import filtered
from local_cloud import call, door, send, until

LATENCY = ("AWS/ApiGateway", "Latency")


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


# What happens to chat messages.


def reviews(count):
    with open("events/chat-review/message.json", "rb") as file:
        message = file.read()
    for _ in range(count):
        boto3.client("lambda").invoke(FunctionName="ChatReviewFunction", Payload=message)


def late_reviews():
    with fault("dynamodb", "Query", {"kind": "latency", "ms": 300}, function="ChatReviewFunction"):
        reviews(int(ALARMS["ChatReviewsLateAlarm"].properties["Threshold"]) + 1)


def of_reviews():
    quiet = emitted(functools.partial(reviews, 1), says("ReviewsLate"))
    loud = emitted(late_reviews, says("ReviewsLate"))
    yield Cause("ChatReviewsLateAlarm", "DynamoDB takes longer than IVS Chat waits", quiet, loud)


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
    yield from of_reviews()
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
