"""What the causes of tests/alarms_causes.py and its parts have in common: what is logged while something happens, and faults."""

import collections
import contextlib
import json
import re
import sys
import time

from alarms_template import FILTERS, STACK
from botocore.config import Config
from cloudwatch import embedded, filtered
from local_cloud import door, send, until

LOG, CLOUD = sys.argv.pop(), int(sys.argv.pop())
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
        time.sleep(0.5)
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


def calls_of(function, act):
    """What a function called while something happened."""
    since = door("GET", "calls")["next"]
    act()
    calls = door("GET", f"calls?since={since}")["calls"]
    return [(one["service"], one["operation"]) for one in calls if one["function"] == function]
