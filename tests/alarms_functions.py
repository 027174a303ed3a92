"""What happens to functions, and what Lambda counts of it: see alarms_causes.py."""

import glob
import json
import os
import signal

import boto3
from alarms_cause import CLOUD, ONCE, THROTTLE, Cause, calls_of, fault
from alarms_template import FUNCTIONS, is_of_the_api
from botocore.exceptions import ClientError


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
    for function, event in (
        ("SigningKeysFunction", "signing-keys/schedule"),
        ("ReconcilerFunction", "reconciler/schedule"),
        ("ChatReviewFunction", "chat-review/message"),
    ):
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
