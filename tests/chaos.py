"""What holds after everything went wrong at once: chaos.py <the cloud's log> <seed> <seconds>

tests/chaos starts the cloud. At the end, with the faults over:

- of each name, one row and one stage (or channel) in IVS, and each row names what is there, with IVS's own stream key;
- no answer was a 5xx that the API does not document, and each 503 said when to come again;
- no function panicked, and no token, stream key or private key is in the log.
"""

import collections
import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request

import boto3
from local_cloud import API, door, send, until

LOG, SEED, SECONDS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
CLIENTS = 8
NAMES = [f"n{number}" for number in range(6)]
KINDS = ("stages", "channels")
USERS = ("alice", "bob")
FAULTS = [
    {"kind": "kill", "when": "before"},
    {"kind": "kill", "when": "after"},
    {"kind": "drop", "when": "before"},
    {"kind": "drop", "when": "after"},
    {"kind": "throttle"},
    {"kind": "error", "status": 500, "code": "InternalServerException"},
    {"kind": "latency", "ms": 1500},
]
# Whatever the functions of this test call. One that is never called, or no longer, is a fault that does not strike.
OPERATIONS = {
    "dynamodb": "GetItem PutItem UpdateItem DeleteItem Query BatchGetItem TransactWriteItems",
    "ivs": "CreateStage DeleteStage ListStages GetStage CreateChannel DeleteChannel ListChannels GetChannel "
    "ListStreamKeys CreateStreamKey DeleteStreamKey",
    "secretsmanager": "GetSecretValue",
    "sqs": "SendMessage",
}
OF_THE_API = ("StageFunction", "ChannelFunction", "ParticipantFunction")
KILLED = (*OF_THE_API, "ReconcilerFunction")
# What docs/api.md has of 503.
DOCUMENTED = {"busy", "unavailable", "limit-reached"}


class Client:
    """Calls the API as one of the users, and notes what must not be."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tokens = {user: self.token(user) for user in USERS}
        self.counts = collections.Counter()
        self.secrets = {"BEGIN PRIVATE KEY", "BEGIN EC PRIVATE KEY", *self.tokens.values()}
        self.wrong = []
        # A function that dies is, to API Gateway, an answer of 500 without a problem in it.
        self.died = 0

    @staticmethod
    def token(user):
        with urllib.request.urlopen(f"{API}/_local/token?sub={user}&exp=3600") as answer:
            return answer.read().decode().strip()

    def call(self, method, path, user, body=None):
        headers = {"authorization": f"Bearer {self.tokens[user]}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(API + path, method=method, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                status, headers, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, headers, text = error.code, error.headers, error.read()
        answer = json.loads(text) if text else {}
        with self.lock:
            self.counts[method, status] += 1
            self.secrets |= {answer[field] for field in ("token", "streamKey") if field in answer}
            complaint = self.complaint(status, headers, answer)
            if complaint:
                self.wrong.append(f"{method} {path} by {user}: {status} {answer}: {complaint}")
        return status, answer

    def complaint(self, status, headers, answer):
        problem = answer.get("type")
        if status == 500 and answer == {"message": "Internal Server Error"}:
            self.died += 1
        elif status >= 500 and problem not in DOCUMENTED:
            return "is no documented problem"
        elif status == 503 and not headers.get("retry-after", "").isdigit():
            return "does not say when to come again"
        elif status == 400 or status == 401:
            return "refuses what is right"
        return None


def boto(service):
    # The endpoint is in the environment.
    return boto3.client(service)


def shake(end):
    """Has calls fail, one after the other."""
    draw = random.Random(SEED)
    calls = [(service, operation) for service, names in OPERATIONS.items() for operation in names.split()]
    while time.monotonic() < end:
        service, operation = draw.choice(calls)
        fault = {"service": service, "operation": operation, "nth": draw.randint(1, 4), "fault": draw.choice(FAULTS)}
        # A recovery that is killed holds its names for as long as it may have run, which is minutes.
        if fault["fault"]["kind"] == "kill":
            fault["function"] = draw.choice(KILLED)
        door("PUT", "faults", fault)
        time.sleep(0.15)


def use(number, end, client):
    """One of the clients, each of which may be either user."""
    draw = random.Random(SEED * 100 + number)
    while time.monotonic() < end:
        kind, name, user = draw.choice(KINDS), draw.choice(NAMES), draw.choice(USERS)
        method, path, body = draw.choice(
            [
                ("PUT", f"/{kind}/{name}", {}),
                ("PUT", f"/{kind}/{name}", {}),
                ("DELETE", f"/{kind}/{name}", None),
                ("GET", f"/{kind}/{name}", None),
                ("POST", f"/stages/{name}/participants", {}),
                ("POST", f"/channels/{name}/stream-key", None),
            ]
        )
        client.call(method, path, user, body)


def reconcile(end):
    while time.monotonic() < end:
        send("POST", "/_local/schedules/ReconcilerFunction.EveryFiveMinutes/run")
        time.sleep(3)


def heal(client):
    """Asks for every name until it is there, as callers do."""

    def there(kind, name):
        status, answer = client.call("PUT", f"/{kind}/{name}", "alice", {})
        if status == 503:
            time.sleep(0.5)
        return answer if status in (200, 201) else None

    owners = {}
    for kind in KINDS:
        for name in NAMES:
            owners[kind, name] = until(lambda: there(kind, name), 60)["owner"]
    for name in NAMES:
        # A rotation that was cut short is finished by whoever asks.
        owner = owners["channels", name]
        until(lambda: client.call("GET", f"/channels/{name}/stream-key", owner)[0] == 200, 60)
    return owners


def pages(operation, field, **arguments):
    """Everything of a listing."""
    found, next = [], {}
    while True:
        page = operation(maxResults=50, **arguments, **next)
        found += page[field]
        if not page.get("nextToken"):
            return found
        next = {"nextToken": page["nextToken"]}


def in_ivs(kind):
    """The stack's own resources: ARNs by name."""
    stages, channels = boto("ivs-realtime"), boto("ivs")
    listed = pages(stages.list_stages, "stages") if kind == "stages" else pages(channels.list_channels, "channels")
    found = collections.defaultdict(list)
    for resource in listed:
        found[resource["name"]].append(resource["arn"])
    return found


def rows(kind):
    # A counter of an owner's has no `status`, and is no row of a name.
    items = boto("dynamodb").scan(TableName=f"greenroom-{kind}", ConsistentRead=True)["Items"]
    return {item["name"]["S"]: item for item in items if "status" in item}


def end_orphans(kind):
    """Has the reconciler end what no row names, as if all of it were old; answers how many there were."""
    named = {row.get("arn", {}).get("S") for row in rows(kind).values()}
    orphans = [arn for arns in in_ivs(kind).values() for arn in arns if arn not in named]
    client = boto("ivs-realtime" if kind == "stages" else "ivs")
    for arn in orphans:
        client.tag_resource(resourceArn=arn, tags={"greenroom:lease-until": "2020-01-01T00:00:00Z"})
    if orphans:
        order = json.dumps({"maxOrphans": len(orphans)})
        boto("lambda").invoke(FunctionName="ReconcilerFunction", Payload=order)
    return len(orphans)


def differences(kind):
    """How the table and IVS differ."""
    ivs, table = in_ivs(kind), rows(kind)
    for name in sorted(ivs.keys() | table.keys()):
        arns, row = ivs.get(name, []), table.get(name, {})
        if row.get("status", {}).get("S") != "active" or [row["arn"]["S"]] != arns:
            yield f"{kind} {name}: the row is {row.get('status')} {row.get('arn')}, and IVS has {arns}"
    if set(table) != set(NAMES):
        yield f"{kind}: rows of {sorted(table)}"


def key_differences(client, owners):
    """Channels whose stream key is not IVS's only one."""
    ivs = boto("ivs")
    for name, row in rows("channels").items():
        _, answer = client.call("GET", f"/channels/{name}/stream-key", owners["channels", name])
        keys = pages(ivs.list_stream_keys, "streamKeys", channelArn=row["arn"]["S"])
        texts = [ivs.get_stream_key(arn=key["arn"])["streamKey"]["value"] for key in keys]
        if texts != [answer.get("streamKey")]:
            yield f"channel {name}: its key is not the one of {len(texts)} that IVS has"


def log_complaints(client):
    with open(LOG, encoding="utf-8", errors="replace") as log:
        for line in log:
            if "panicked" in line:
                yield f"a panic: {line[:300]}"
            if '"problem":"internal"' in line:
                yield f"an internal error: {line[:500]}"
            if any(secret in line for secret in client.secrets):
                yield f"a secret is in the log, in a line that begins with {line[:60]}"


def main():
    print(f"tests/chaos {SEED} {SECONDS:.0f}", flush=True)
    door("PUT", "quotas", {name: 1000 for name in door("GET", "quotas") if name[0].isupper()})
    client = Client()
    end = time.monotonic() + SECONDS
    threads = [threading.Thread(target=shake, args=(end,)), threading.Thread(target=reconcile, args=(end,))]
    threads += [threading.Thread(target=use, args=(number, end, client)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faults = door("GET", "faults")["faults"]
    struck = sum(fault["fired"] for fault in faults)
    killed = sum(fault["fired"] for fault in faults if fault["fault"]["kind"] == "kill" and fault["function"] in OF_THE_API)
    send("DELETE", "/_local/faults")
    owners = heal(client)
    orphans = {kind: end_orphans(kind) for kind in KINDS}
    wrong = client.wrong
    # What a dying function held back may still be under way.
    for kind in KINDS:
        for _ in range(200):
            differing = list(differences(kind))
            if not differing:
                break
            time.sleep(0.1)
        wrong += differing
    wrong += key_differences(client, owners)
    wrong += log_complaints(client)
    if client.died > killed:
        wrong.append(f"{client.died} functions of the API died, and {killed} were killed")
    made = client.counts["PUT", 201]
    if made < 20 or struck < 20 or not client.counts["DELETE", 204]:
        wrong.append(f"little happened: {made} creates, {struck} faults")
    counts = ", ".join(f"{method} {status}: {count}" for (method, status), count in sorted(client.counts.items()))
    print(f"{struck} faults, orphans ended: {orphans}; {counts}")
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(f"{len(wrong)} things are wrong; repeat it with tests/chaos {SEED} {SECONDS:.0f}")


if __name__ == "__main__":
    main()
