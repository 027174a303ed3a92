"""What happens to messages, and what SQS counts of them: see alarms_causes.py."""

import json
import time

import boto3
from alarms_cause import THROTTLE, Cause, calls_of, error, fault
from alarms_template import FUNCTIONS, QUEUES, STACK
from local_cloud import door, until


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
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"kind": "stage", "name": f"none-{number}"}))
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
