"""Transwrap servers of the local cloud, from outside: WebSocket clients (PyPI's websockets) with recordings that FFmpeg makes in
real time, by docs/broadcast-protocol.md. tests/transwrap starts the cloud with its fleet and sets the variables: those of
tests/local_cloud.py, SCRATCH, and MAPPED, a public-looking name that the servers resolve to loopback.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import websockets.exceptions
from websockets.sync.client import connect

from local_cloud import aws, call, send, servers, until

SCRATCH = pathlib.Path(os.environ["SCRATCH"])
LOG = SCRATCH / "local.log"
SUBPROTOCOL = "greenroom.broadcast.v1"
START = {"type": "start", "mimeType": "video/x-matroska;codecs=avc1,opus"}
# Everything that no log may hold.
secrets = []
started = []


def check(what, condition, detail=""):
    if not condition:
        raise AssertionError(f"{what}: {detail}")


def done(status, answer, wanted):
    check("status", status == wanted, f"{status} instead of {wanted}: {answer}")
    return answer


# --- the API


def channel(name):
    """A channel of alice's; gives its ingest URL and key."""
    # IVS makes five a second.
    made = until(lambda: (answer := call("PUT", f"/channels/{name}", "alice", {}))[0] != 503 and answer)
    check("channel", made[0] in (200, 201), made)
    key = done(*call("GET", f"/channels/{name}/stream-key", "alice"), 200)["streamKey"]
    secrets.append(key)
    return made[1]["ingestUrl"], key


def begin(body, user="alice", wanted=201):
    opening = done(*call("POST", "/broadcasts", user, body), wanted)
    if wanted == 201:
        secrets.append(opening["ticket"])
    return opening


def another_ticket(broadcast, wanted=201):
    opening = done(*call("POST", f"/broadcasts/{broadcast}/tickets", "alice"), wanted)
    if wanted == 201:
        secrets.append(opening["ticket"])
    return opening


def row(broadcast):
    return done(*call("GET", f"/broadcasts/{broadcast}", "alice"), 200)


def is_live(name):
    return send("GET", f"/streams/{name}")[1]["state"] == "live"


def is_listed(name):
    return any(item["channel"] == name for item in send("GET", "/streams")[1]["items"])


def until_shown(broadcast, state, reason=None, seconds=20):
    """Waits until the API shows a broadcast so."""
    shown = {}

    def is_so():
        shown.update(row(broadcast))
        return shown["state"] == state

    try:
        until(is_so, seconds)
    except AssertionError:
        raise AssertionError(f"{broadcast} is not {state} within {seconds} s: {shown}") from None
    check("reason", reason is None or shown.get("endReason") == reason, shown)
    return shown


# --- a client


class Recorder:
    """FFmpeg in real time, or as fast as it can, as a MediaRecorder would be."""

    def __init__(self, real_time=True, recording=None):
        pace = ["-re"] if real_time else []
        source = [*pace, "-stream_loop", "-1", "-i", recording or RECORDING]
        command = ["ffmpeg", "-nostdin", "-v", "fatal", *source, "-c", "copy", "-cluster_time_limit", "250", "-f", "matroska", "-"]
        # One page of output at a time, so that nothing waits in FFmpeg.
        self.process = start([*map(str, command)], stdout=subprocess.PIPE, bufsize=0)

    def read(self):
        return self.process.stdout.read(16384)

    def end(self):
        self.process.kill()
        self.process.wait()


class Client:
    """A page, as far as a server can tell."""

    def __init__(self, opening, protocols=None, ticket=None, pings=True):
        offered = protocols or [SUBPROTOCOL, f"greenroom.ticket.{ticket or opening['ticket']}"]
        self.messages, self.code, self.recorder, self.sent = [], None, None, 0
        self.closed = threading.Event()
        self.socket = connect(opening["url"], subprotocols=offered, compression=None, ping_interval=None, max_queue=None)
        check("subprotocol", self.socket.subprotocol == SUBPROTOCOL, self.socket.subprotocol)
        threading.Thread(target=self.hear, daemon=True).start()

    def hear(self):
        try:
            for message in self.socket:
                self.messages.append(json.loads(message))
        except websockets.exceptions.ConnectionClosed:
            pass
        self.code = self.socket.close_code
        self.closed.set()

    def say(self, message):
        try:
            self.socket.send(json.dumps(message) if isinstance(message, dict) else message)
        except websockets.exceptions.ConnectionClosed:
            return False
        return True

    def record(self, **options):
        """Begins a recording, in place of the one before."""
        if self.recorder:
            self.recorder.end()
        self.say(START)
        recorder = self.recorder = Recorder(**options)
        threading.Thread(target=self.pump, args=[recorder], daemon=True).start()
        return self

    def pump(self, recorder):
        while (chunk := recorder.read()) and self.recorder is recorder and self.say(chunk):
            self.sent += len(chunk)
        recorder.end()

    def all(self, kind, **members):
        wanted = {"type": kind, **members}
        return [message for message in list(self.messages) if wanted.items() <= message.items()]

    def wait_for(self, kind, seconds=20, count=1, **members):
        try:
            until(lambda: len(self.all(kind, **members)) >= count or self.closed.is_set(), seconds)
        except AssertionError:
            pass
        found = self.all(kind, **members)
        check(f"{kind} {members} came {count} times", len(found) >= count, (self.code, self.quietly()))
        return found[-1]

    def quietly(self):
        return [message for message in self.messages if message["type"] != "stats"]

    def closes(self, code, seconds=15):
        self.closed.wait(seconds)
        check("close code", self.code == code, f"{self.code} instead of {code}: {self.quietly()}")

    def end(self, reason, code, seconds=15):
        self.closes(code, seconds)
        check("end", [m["reason"] for m in self.all("end")] == [reason], self.quietly())

    def cut(self):
        """Goes away without a word, as a laptop that is closed."""
        self.socket.socket.shutdown(2)
        if self.recorder:
            self.recorder.end()

    def stop(self):
        self.say({"type": "stop"})
        self.end("stopped", 1000)
        if self.recorder:
            self.recorder.end()


def start(command, **options):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    started.append(process)
    return process


def on_air(name, **body):
    """A broadcast that is live: its client and its opening."""
    opening = begin({"channel": name, **body})
    client = Client(opening).record()
    client.wait_for("state", state="live")
    return client, opening


# --- the fleet's processes


def processes():
    """The servers' processes, by task id."""
    found = {}
    for pid in children(int(os.environ["LOCAL_PID"])):
        try:
            environment = pathlib.Path(f"/proc/{pid}/environ").read_text().split("\0")
        except OSError:
            continue
        metadata = next((v.split("=", 1)[1] for v in environment if v.startswith("ECS_CONTAINER_METADATA_URI_V4=")), None)
        if metadata:
            try:
                with urllib.request.urlopen(metadata + "/task") as answer:
                    found[json.load(answer)["TaskARN"].rpartition("/")[2]] = pid
            except OSError:
                pass
    return found


def children(pid):
    """The processes that any thread of a process has started."""
    found = []
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in file.read_text().split()]
        except OSError:
            pass
    return found


def process_of(broadcast):
    return processes()[row(broadcast)["server"]]


def ffmpegs(pid):
    named = lambda child: pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "ffmpeg"
    return [child for child in children(pid) if named(child)]


def resident(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) // 1024


def scale(count):
    aws("ecs", "update-service", "--cluster", "transwrap", "--service", "transwrap", "--desired-count", str(count))


def until_servers(count):
    """Waits until so many are listed, and have told their places."""
    def ready():
        items = aws("dynamodb", "scan", "--table-name", SERVERS_TABLE)["Items"]
        return len(servers()) >= count and sum("room" in item for item in items) >= count

    until(ready, 60)


# --- the cases


def a_broadcast_is_live_and_stops():
    client, opening = on_air("stops")
    broadcast = opening["broadcast"]
    check("ready comes first", client.messages[0]["type"] == "ready" and client.messages[0]["broadcast"] == broadcast, client.messages[0])
    until(lambda: is_live("stops") and is_listed("stops"))
    until_shown(broadcast, "live")
    check("listed", any(b["broadcast"] == broadcast for b in call("GET", "/broadcasts", "alice")[1]["items"]))
    stats = client.wait_for("stats", count=3)
    check("figures", stats["sentBytes"] > 0, stats)
    client.stop()
    until_shown(broadcast, "ended", "stopped")
    until(lambda: not is_live("stops"))
    another_ticket(broadcast, 409)


def tickets_open_once_and_only_what_they_are_for():
    opening = begin({"channel": "tickets"})
    broadcast = opening["broadcast"]
    forged = opening["ticket"][:-4] + ("AAAA" if not opening["ticket"].endswith("AAAA") else "BBBB")
    Client(opening, ticket=forged).closes(4401)
    Client(opening, ticket="none").closes(4401)
    Client(opening, protocols=[SUBPROTOCOL]).closes(4401)
    client = Client(opening)
    client.wait_for("ready")
    Client(opening).closes(4401)
    check("it goes on", not client.closed.is_set())
    client.stop()
    foreign = begin({"channel": "tickets", "takeOver": True})
    task = next(task for task in servers() if task not in foreign["url"])
    other = next(task for task in servers() if task in foreign["url"])
    Client({**foreign, "url": foreign["url"].replace(other, task)}).closes(4401)
    client = Client(foreign)
    client.wait_for("ready")
    client.stop()
    late = begin({"channel": "tickets", "takeOver": True})
    # A minute is not waited for: the row says that it was.
    update = '{":past":{"S":"2026-01-01T00:00:00.000Z"}}'
    aws("dynamodb", "update-item", "--table-name", BROADCASTS_TABLE, "--key", json.dumps({"broadcast": {"S": late["broadcast"]}}),
        "--update-expression", "SET ticketExpiresAt = :past", "--expression-attribute-values", update)
    Client(late).closes(4401)
    until_shown(late["broadcast"], "ended", "expired")


def a_second_attempt_fences_the_first_and_viewers_go_on():
    client, opening = on_air("fence")
    until(lambda: is_live("fence"))
    session = send("GET", "/streams/fence")[1]["session"]
    second = Client(another_ticket(opening["broadcast"]))
    second.wait_for("ready")
    client.closes(4409)
    second.record()
    second.wait_for("state", state="live")
    sent = second.wait_for("stats")["sentBytes"]
    until(lambda: second.wait_for("stats")["sentBytes"] > sent + 200_000)
    check("still live", is_live("fence"))
    same_server = row(opening["broadcast"])["server"] in opening["url"]
    now = send("GET", "/streams/fence")[1]["session"]
    check("the same publish on the same server", not same_server or now == session, (session, now))
    second.stop()
    until_shown(opening["broadcast"], "ended", "stopped")


def a_lost_browser_comes_back():
    client, opening = on_air("comes-back")
    client.cut()
    until_shown(opening["broadcast"], "interrupted")
    client = Client(another_ticket(opening["broadcast"])).record()
    client.wait_for("state", state="live")
    until_shown(opening["broadcast"], "live")
    client.stop()


def a_lost_browser_that_does_not_come_back_is_lost():
    client, opening = on_air("is-lost")
    client.cut()
    until_shown(opening["broadcast"], "ended", "lost", 40)
    until(lambda: not is_live("is-lost"))


def delete_ends_it():
    client, opening = on_air("deleted")
    done(*call("DELETE", f"/broadcasts/{opening['broadcast']}", "alice"), 204)
    client.end("deleted", 1000, 8)
    until_shown(opening["broadcast"], "ended", "deleted")


def another_broadcast_of_the_channel_takes_over_if_it_is_told_to():
    client, opening = on_air("rivals")
    until_shown(opening["broadcast"], "live")
    problem = begin({"channel": "rivals"}, wanted=409)
    check("problem", problem["type"].endswith("on-air"), problem)
    other, later = on_air("rivals", takeOver=True)
    client.end("taken-over", 4409)
    until_shown(opening["broadcast"], "ended", "taken-over")
    until_shown(later["broadcast"], "live")
    check("live", is_live("rivals"))
    other.stop()


def an_encoder_is_taken_over():
    url, key = INGEST["encoder"]
    source = ["-re", "-stream_loop", "-1", "-i", str(RECORDING), "-c:v", "copy", "-c:a", "aac"]
    encoder = start(["ffmpeg", "-nostdin", "-v", "quiet", *source, "-f", "flv", url + key])
    until(lambda: is_live("encoder") or encoder.poll() is not None, 30)
    problem = begin({"channel": "encoder"}, wanted=409)
    check("problem", problem["type"].endswith("on-air"), problem)
    client, _ = on_air("encoder", takeOver=True)
    until(lambda: encoder.poll() is not None, 20)
    check("the stream goes on", is_live("encoder"))
    client.stop()
    until(lambda: not is_live("encoder"))


def a_killed_ffmpeg_asks_for_a_new_recording():
    client, opening = on_air("restarts")
    pid = process_of(opening["broadcast"])
    mine = ffmpegs(pid)
    check("one recording", len(mine) == 1, mine)
    os.kill(mine[0], signal.SIGKILL)
    check("reason", client.wait_for("restart")["reason"])
    client.record()
    before = client.wait_for("stats")["sentBytes"]
    until(lambda: client.wait_for("stats")["sentBytes"] > before + 200_000)
    check("no new connection", not client.all("state", state="reconnecting"), client.quietly())
    client.stop()


def a_silent_one_is_closed():
    opening = begin({"channel": "quiet"})
    client = Client(opening)
    client.wait_for("ready")
    client.say(START)
    client.end("quiet", 4408, 30)
    until_shown(opening["broadcast"], "ended", "quiet")


def garbage_is_closed():
    for garbage, code in [
        ("{", 4400), ('{"type":"ready"}', 4400), ("x" * 5000, 4400), (b"media before a start", 4400), (b"\0" * (3 << 20), 1009),
    ]:
        client = Client(begin({"channel": "garbage", "takeOver": True}))
        client.wait_for("ready")
        client.say(garbage)
        client.closes(code)
    # What is no media at all: the page is asked for another one, and at last it is enough.
    opening = begin({"channel": "garbage", "takeOver": True})
    client = Client(opening)
    for times in range(1, 20):
        client.say(START)
        client.say(os.urandom(65536))
        until(lambda: len(client.all("restart")) >= times or client.closed.is_set())
        if client.closed.is_set():
            break
    client.end("unusable-media", 4415)
    until_shown(opening["broadcast"], "ended", "unusable-media")


def settings_of_a_name_that_leads_inside_are_refused():
    map_name(os.environ["MAPPED"])
    body = {"kind": "custom", "ingestUrl": f"rtmp://{os.environ['MAPPED']}:1935/live", "streamKey": "sk_inside", "playbackUrl": "https://media.example.com/x.m3u8"}
    secrets.append(body["streamKey"])
    status, answer = call("PUT", "/broadcast-settings", "alice", body)
    check("saved", status in (200, 201), answer)
    opening = begin({"broadcastSettings": True})
    client = Client(opening).record()
    client.end("target-refused", 4403)
    until_shown(opening["broadcast"], "ended", "target-refused")


def map_name(name):
    """Has the servers resolve a name to loopback: by another task definition, whose tasks have libnss-wrapper."""
    (SCRATCH / "hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {name}\n")
    replace_servers(LD_PRELOAD=os.environ["NSS_WRAPPER"], NSS_WRAPPER_HOSTS=str(SCRATCH / "hosts"))


def replace_servers(**environment):
    """Puts servers in place of the present ones that have these variables, too: by another task definition."""
    service = aws("ecs", "describe-services", "--cluster", "transwrap", "--services", "transwrap")["services"][0]
    definition = aws("ecs", "describe-task-definition", "--task-definition", service["taskDefinition"])["taskDefinition"]
    containers = definition["containerDefinitions"]
    kept = [variable for variable in containers[0]["environment"] if variable["name"] not in environment]
    containers[0]["environment"] = kept + [{"name": name, "value": value} for name, value in environment.items()]
    kept = ["family", "taskRoleArn", "executionRoleArn", "networkMode", "cpu", "memory", "requiresCompatibilities", "runtimePlatform"]
    registration = {**{name: definition[name] for name in kept if name in definition}, "containerDefinitions": containers}
    made = aws("ecs", "register-task-definition", "--cli-input-json", json.dumps(registration))["taskDefinition"]
    old = set(servers())
    aws("ecs", "update-service", "--cluster", "transwrap", "--service", "transwrap", "--task-definition", made["taskDefinitionArn"])
    until(lambda: len(new := set(servers())) >= 2 and not new & old, 90)
    until_servers(2)


def what_is_to_be_transcoded_is_refused_where_there_is_no_room_for_that():
    replace_servers(CAPACITY="10")
    vp8 = SCRATCH / "vp8.mkv"
    video = "-c:v libvpx -deadline realtime -cpu-used 8 -g 30 -b:v 300k".split()
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=15", "-t", "10"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *source, *video, vp8], check=True)
    copied = [on_air(name) for name in ["copied", "copied-too"]]
    at = {row(opening["broadcast"])["server"] for _, opening in copied}
    check("each server has one", len(at) == 2, at)
    opening = begin({"channel": "transcoded"})
    client = Client(opening).record(recording=vp8)
    client.closes(4429)
    check("it has not ended", not client.all("end") and not client.all("restart"), client.quietly())
    until_shown(opening["broadcast"], "interrupted")
    for other, _ in copied:
        sent = other.wait_for("stats")["sentBytes"]
        until(lambda: other.wait_for("stats")["sentBytes"] > sent + 200_000)
        check("those on air go on", not other.closed.is_set() and not other.all("restart"), other.quietly())
    copied[0][0].stop()

    def goes_live():
        # What a page does: another ticket, until there is room.
        client = Client(another_ticket(opening["broadcast"])).record(recording=vp8)
        until(lambda: client.closed.is_set() or client.all("state", state="live"))
        check("room or none", client.code in (None, 4429), client.code)
        return client if client.code is None else None

    until(goes_live, 30).stop()
    copied[1][0].stop()


def a_flood_does_not_fill_the_memory():
    opening = begin({"channel": "flood"})
    # IVS ends what is beyond a channel's bit rate, which is no matter here.
    client = Client(opening).record(real_time=False)
    client.wait_for("stats")
    pid = process_of(opening["broadcast"])
    before = resident(pid)
    sent = client.sent
    most = 0
    # Its own figures say nothing: they get lost while it is held back.
    end = time.monotonic() + 5
    while time.monotonic() < end:
        most = max(most, resident(pid))
        time.sleep(0.05)
    check("memory is bounded", most < before + 64, (before, most, client.sent - sent))
    print(f"    {(client.sent - sent) >> 20} MiB in 5 s, {before} MiB before, {most} MiB at most", flush=True)
    done(*call("DELETE", f"/broadcasts/{opening['broadcast']}", "alice"), 204)
    client.closes(1000)


def a_server_that_stops_has_its_pages_move():
    client, opening = on_air("moves")
    broadcast = opening["broadcast"]
    server = until_shown(broadcast, "live")["server"]
    aws("ecs", "stop-task", "--cluster", "transwrap", "--task", server)
    client.wait_for("move")
    following = Client(another_ticket(broadcast))
    following.wait_for("ready")
    following.record()
    following.wait_for("state", state="live")
    # The page that has moved leaves; one that does not is told.
    client.closes(4409)
    shown = until_shown(broadcast, "live")
    check("another server", shown["server"] != server, shown)
    check("live", is_live("moves"))
    until(lambda: server not in processes())
    following.stop()
    until_shown(broadcast, "ended", "stopped")


def a_server_that_is_killed_loses_nothing_for_ever():
    client, opening = on_air("crash")
    left, lost = on_air("crash-too")
    broadcast = opening["broadcast"]
    gone = {row(o["broadcast"])["server"] for o in (opening, lost)}
    for task in gone:
        os.kill(processes()[task], signal.SIGKILL)
    client.closed.wait(10)
    check("lost", client.code == 1006, client.code)

    def resumed():
        try:
            client = Client(another_ticket(broadcast))
            client.wait_for("ready", seconds=5)
            return client
        except (AssertionError, OSError, websockets.exceptions.WebSocketException):
            return None

    following = until(resumed, 60).record()
    following.wait_for("state", state="live")
    shown = until_shown(broadcast, "live")
    check("another server", shown["server"] not in gone, shown)
    until_shown(lost["broadcast"], "ended", "server-lost", 40)
    following.stop()
    left.recorder.end()


CASES = [
    a_broadcast_is_live_and_stops,
    tickets_open_once_and_only_what_they_are_for,
    a_second_attempt_fences_the_first_and_viewers_go_on,
    a_lost_browser_comes_back,
    a_lost_browser_that_does_not_come_back_is_lost,
    delete_ends_it,
    another_broadcast_of_the_channel_takes_over_if_it_is_told_to,
    an_encoder_is_taken_over,
    a_killed_ffmpeg_asks_for_a_new_recording,
    a_silent_one_is_closed,
    garbage_is_closed,
    settings_of_a_name_that_leads_inside_are_refused,
    what_is_to_be_transcoded_is_refused_where_there_is_no_room_for_that,
    a_flood_does_not_fill_the_memory,
    a_server_that_stops_has_its_pages_move,
    a_server_that_is_killed_loses_nothing_for_ever,
]


def nothing_tells_a_secret(parent):
    """No ticket and no key in the log, or in what the machine shows of the processes."""
    shown = {"the log": LOG.read_text()}
    fleet = processes()
    check("the servers are looked at", fleet and secrets)
    for pid in [parent, *fleet.values()]:
        for pid in [pid, *children(pid)]:
            for file in ["cmdline", "environ"]:
                try:
                    shown[f"{file} of {pid}"] = pathlib.Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace")
                except OSError:
                    pass
    for where, text in shown.items():
        for secret in secrets:
            # Of a ticket, the part before the point is the broadcast's id, which is none.
            check(f"no secret in {where}", secret.rpartition(".")[2] not in text)


def broken_cases(names):
    """Runs the cases, and gives those that failed: one does not keep the others from being seen."""
    broken = []
    for case in CASES:
        if names and case.__name__ not in names:
            continue
        try:
            case()
            print(f"ok  {case.__name__.replace('_', ' ')}", flush=True)
        except Exception as error:
            broken.append(case.__name__)
            print(f"FAILED  {case.__name__.replace('_', ' ')}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    return broken


RECORDING = SCRATCH / "recording.mkv"
video = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 30 -b:v 1M".split()
inputs = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=30", "-f", "lavfi", "-i", "sine=440:r=48000", "-t", "30"]
subprocess.run(["ffmpeg", "-v", "error", "-y", *inputs, *video, "-c:a", "libopus", "-b:a", "64k", RECORDING], check=True)
TABLES = aws("dynamodb", "list-tables")["TableNames"]
BROADCASTS_TABLE = next(name for name in TABLES if name.endswith("-broadcasts"))
SERVERS_TABLE = next(name for name in TABLES if name.endswith("-servers"))
INGEST = {
    name: channel(name)
    for name in [
        "stops", "tickets", "fence", "comes-back", "is-lost", "deleted", "rivals", "encoder", "restarts", "quiet", "garbage", "flood",
        "copied", "copied-too", "transcoded", "moves", "crash", "crash-too",
    ]
}
try:
    scale(2)
    until_servers(2)
    broken = broken_cases(sys.argv[1:])
    nothing_tells_a_secret(int(os.environ["LOCAL_PID"]))
finally:
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
if broken:
    raise SystemExit(f"{len(broken)} failed: {' '.join(broken)}")
