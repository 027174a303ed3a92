"""Forty broadcasts in one transwrap server that has one core to itself, for scripts/bench-broadcasts: what they take, whether they
keep up, and how soon a broadcast is on air. Everything else, the clients and the local cloud with its ingest, runs on another core.

Each is a noisy 720p30 recording of 2.5 Mbit/s with H.264 and Opus, sent in real time, 100 ms a chunk, over a WebSocket of its own. Its
sound is pink noise, or the source of libavfilter that SOUND says. FFmpeg's fast AAC coder takes a pure tone (`sine`) without any noise
for much harder than what comes through a microphone: it is the worst case.
"""

import asyncio
import concurrent.futures
import contextlib
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from local_cloud import call, servers, until
from processes import TICKS, family, memory_of, seconds_of

BROADCASTS = int(os.environ.get("BROADCASTS", "40"))
SECONDS = int(os.environ["MEASURED_SECONDS"])
SOUND = os.environ.get("SOUND", "anoisesrc=c=pink:a=0.3:r=48000")
SCRATCH = pathlib.Path(os.environ["SCRATCH"])
ALONE = 10
APART = 0.2
CHUNK = 0.1
# Until everything runs as it will.
SETTLES = 8
SERVER_CORE, OTHER_CORE = 0, 1
TARGETS = {"pss": 16, "on air": 0.8, "lag": 1.0}
START = json.dumps({"type": "start", "mimeType": "video/x-matroska;codecs=avc1,opus"})


# --- processes


def transwrap():
    (server,) = [pid for pid in family(int(os.environ["LOCAL_PID"])) if pathlib.Path(f"/proc/{pid}/comm").read_text() == "transwrap\n"]
    return server


def idle_of(core):
    """Seconds that a core has been idle, and stolen by the machine's host."""
    line = next(line for line in pathlib.Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    fields = [int(field) / TICKS for field in line.split()[1:]]
    return fields[3] + fields[4], fields[7]


# --- the recording


def recording(lasts):
    """Its bytes, and up to where they go every 100 ms."""
    file = SCRATCH / "recording.mkv"
    make = f"""ffmpeg -v error -y -f lavfi -i testsrc2=s=1280x720:r=30,noise=alls=20:allf=t -f lavfi -i {SOUND} -t {lasts}
        -c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuvj420p -g 30 -b:v 2500k -maxrate 2500k -bufsize 2500k
        -c:a libopus -b:a 128k -ac 1 -cluster_time_limit 100"""
    subprocess.run([*make.split(), file], check=True)
    asked = ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time,pos", "-of", "csv=p=0", file]
    packets = [line.split(",") for line in subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()]
    cuts, due = [], CHUNK
    for seconds, place, *_ in packets:
        while float(seconds) >= due:
            cuts.append(int(place))
            due += CHUNK
    return file.read_bytes(), cuts


# --- a broadcast


class Broadcast:
    def __init__(self, name):
        self.name, self.stats, self.states, self.ends = name, [], {}, None
        self.began = self.late = 0

    async def run(self, media, cuts, until_when):
        """Goes live, and sends until it is told to end."""
        opening = await asyncio.to_thread(begin, self.name)
        offered = ["greenroom.broadcast.v1", "greenroom.ticket." + opening["ticket"]]
        connects = time.monotonic()
        async with connect(opening["url"], subprotocols=offered, compression=None, ping_interval=None) as socket:
            hearing = asyncio.create_task(self.hear(socket, connects))
            # As the page does.
            await self.until("ready")
            with contextlib.suppress(ConnectionClosed):
                await socket.send(START)
                await self.send(socket, media, cuts, until_when)
                await socket.send('{"type":"stop"}')
            await asyncio.wait_for(hearing, 20)
        if self.ends != "stopped":
            raise AssertionError(f"{self.name}: {self.ends}, after {list(self.states)}")

    async def send(self, socket, media, cuts, until_when):
        """Sends a recording in real time."""
        self.began, sent = time.monotonic(), 0
        for count, cut in enumerate(cuts, 1):
            due = self.began + CHUNK * count
            await asyncio.sleep(due - time.monotonic())
            if until_when():
                return
            await socket.send(media[sent:cut])
            sent, self.late = cut, max(self.late, time.monotonic() - due)
        raise AssertionError("the recording is too short")

    async def hear(self, socket, connects):
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "stats":
                    self.stats.append(message)
                elif message["type"] == "end":
                    self.ends = message["reason"]
                else:
                    state = message.get("state", message["type"])
                    self.states.setdefault(state, time.monotonic() - connects)
                    if state in ("reconnecting", "restart", "move"):
                        raise AssertionError(f"{self.name}: {message}")
        self.ends = self.ends or f"closed with {socket.close_code}"

    async def until(self, state):
        while state not in self.states:
            if self.ends:
                raise AssertionError(f"{self.name} is not {state}: {self.ends}")
            await asyncio.sleep(0.005)

    @property
    def live(self):
        """Seconds from the handshake's beginning until it was on air; None before."""
        return self.states.get("live")

    def lag(self):
        """How much later the playlist has a picture than the camera would have made it."""
        now, text = time.monotonic(), read(self.playlist)
        date = re.findall(r"PROGRAM-DATE-TIME:(\S+)", text)[-1]
        listed = text.rpartition("PROGRAM-DATE-TIME")[2]
        # The segment that is open has parts only; one that is complete has its own length, too.
        own = re.search(r"#EXTINF:([\d.]+)", listed)
        rest = float(own[1]) if own else sum(map(float, re.findall(r"PART:DURATION=([\d.]+)", listed)))
        return (now - self.began) - (datetime.datetime.fromisoformat(date) - self.date).total_seconds() - rest

    def find_playlist(self):
        """Where it is watched, and the date of its first picture; as soon as it is live, for old segments are not listed."""
        master = until(lambda: read(playback[self.name], missing=""))
        self.playlist = urllib.parse.urljoin(playback[self.name], master.strip().splitlines()[-1])
        text = until(lambda: (text := read(self.playlist, missing="")) and "#EXT-X-PROGRAM" in text and text)
        if "#EXT-X-MEDIA-SEQUENCE:0\n" not in text:
            raise AssertionError(f"{self.name}: its beginning is not listed any more")
        self.date = datetime.datetime.fromisoformat(re.search(r"PROGRAM-DATE-TIME:(\S+)", text)[1])


def read(url, missing=None):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError:
        if missing is None:
            raise
        return missing


def begin(name):
    # A server tells of its places every five seconds.
    status, opening = until(lambda: (answer := call("POST", "/broadcasts", "alice", {"channel": name}))[0] != 503 and answer)
    if status != 201:
        raise AssertionError(f"POST /broadcasts: {status} {opening}")
    return opening


# --- what is measured


async def alone(media, cuts):
    """Seconds until each of some broadcasts is on air that has the server to itself."""
    taken = []
    for name in ALONE_NAMES:
        broadcast = Broadcast(name)
        await broadcast.run(media, cuts, lambda: "live" in broadcast.states)
        taken.append(broadcast.live)
    return taken


async def plain(media, cuts):
    """CPU seconds a second of an FFmpeg that makes FLV of the same, fed the same way on the server's core: this machine's yardstick."""
    # As one would begin: what the AWS sample gives it.
    arguments = "-v error -nostats -f matroska -i pipe:0 -c:v copy -c:a aac -b:a 128k -ar 44100 -ac 2 -f flv pipe:1"
    command = ["taskset", "-c", str(SERVER_CORE), "ffmpeg", *arguments.split()]
    quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
    processes = [await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, **quiet) for _ in range(ALONE)]
    began, sent, before = time.monotonic(), 0, None
    for count, cut in enumerate(cuts, 1):
        await asyncio.sleep(began + CHUNK * count - time.monotonic())
        for process in processes:
            process.stdin.write(media[sent:cut])
            await process.stdin.drain()
        sent, now = cut, time.monotonic()
        took = sum(seconds_of(process.pid) for process in processes)
        if before is None and now > began + SETTLES:
            before, since = took, now
        elif before is not None and now > since + 10:
            break
    for process in processes:
        process.kill()
        await process.wait()
    return (took - before) / (now - since) / len(processes)


async def together(media, cuts, server):
    over = asyncio.Event()
    broadcasts = [Broadcast(name) for name in NAMES]

    async def one(broadcast, number):
        await asyncio.sleep(APART * number)
        await broadcast.run(media, cuts, over.is_set)

    async def find(broadcast):
        await broadcast.until("live")
        await asyncio.to_thread(broadcast.find_playlist)

    # If one fails, all are over.
    async with asyncio.TaskGroup() as running:
        for number, broadcast in enumerate(broadcasts):
            running.create_task(one(broadcast, number))
        await asyncio.wait_for(asyncio.gather(*map(find, broadcasts)), APART * BROADCASTS + 30)
        await asyncio.sleep(SETTLES)
        everyone = family(server)
        if len(everyone) != BROADCASTS + 1:
            raise AssertionError(f"{len(everyone) - 1} FFmpegs for {BROADCASTS} broadcasts")
        before, own, idle = sum(map(seconds_of, everyone)), seconds_of(server), [idle_of(core) for core in (SERVER_CORE, OTHER_CORE)]
        since, lags = time.monotonic(), []
        for part in range(4):
            lags.append([await asyncio.to_thread(broadcast.lag) for broadcast in broadcasts])
            await asyncio.sleep(max(0, since + SECONDS * (part + 1) / 4 - time.monotonic()))
        took = time.monotonic() - since
        figures = {
            "cpu": (sum(map(seconds_of, everyone)) - before) / took,
            "own": (seconds_of(server) - own) / took,
            "busy": [
                (1 - (idle_of(core)[0] - was[0]) / took, (idle_of(core)[1] - was[1]) / took)
                for core, was in zip((SERVER_CORE, OTHER_CORE), idle)
            ],
            "pss": sum(memory_of(pid)[0] for pid in everyone),
            "own pss": memory_of(server)[0],
        }
        figures["lags"] = [*lags, [await asyncio.to_thread(broadcast.lag) for broadcast in broadcasts]]
        over.set()
    return figures, broadcasts


def milliseconds(numbers):
    return f"{1000 * statistics.median(numbers):.0f} ms in the median, {1000 * max(numbers):.0f} ms at most"


def channel(name):
    # IVS makes five a second.
    status, made = until(lambda: (answer := call("PUT", f"/channels/{name}", "alice", {}))[0] != 503 and answer)
    if status != 201:
        raise AssertionError(f"PUT /channels/{name}: {status} {made}")
    return made["playbackUrl"]


def run(work):
    """Runs it with a thread for every broadcast that asks the API."""

    async def with_threads():
        asyncio.get_running_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor(2 * BROADCASTS))
        return await work

    return asyncio.run(with_threads())


ALONE_NAMES = [f"bench-alone-{number}" for number in range(ALONE)]
NAMES = [f"bench-{number}" for number in range(BROADCASTS)]
playback = {name: channel(name) for name in ALONE_NAMES + NAMES}
media, cuts = recording(APART * BROADCASTS + 30 + SETTLES + SECONDS + 10)
(task,) = until(lambda: (found := servers()) and found, 60)
server = until(transwrap)
for thread in pathlib.Path(f"/proc/{server}/task").iterdir():
    os.sched_setaffinity(int(thread.name), {SERVER_CORE})

load = os.getloadavg()[0]
yardstick = run(plain(media, cuts))
on_air = run(alone(media, cuts))
figures, broadcasts = run(together(media, cuts, server))
lags, busy = figures["lags"], figures["busy"]
dropped = sum(broadcast.stats[-1]["droppedFrames"] for broadcast in broadcasts)
buffered = max(message["bufferedMs"] for broadcast in broadcasts for message in broadcast.stats)
together_live = [broadcast.live for broadcast in broadcasts]
every_lag = [lag for lags_of_one_time in lags for lag in lags_of_one_time]

each, own = figures["cpu"] / BROADCASTS, figures["own"]
rounds = f"{1000 * statistics.median(lags[0]):.0f} ms in the first round, {1000 * statistics.median(lags[-1]):.0f} ms in the last"
for name, text in {
    "load average": f"{load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end",
    "a plain ffmpeg": f"{100 * yardstick:.2f} % of a core",
    f"{BROADCASTS} on one core": f"{figures['cpu']:.3f} CPU seconds a second for {SECONDS} s; of it {own:.3f} the server's own",
    "each": f"{100 * each:.2f} % of a core, {each / yardstick:.2f} of the plain ffmpeg's",
    "the server's core": f"{100 * busy[0][0]:.0f} % busy, {100 * busy[0][1]:.0f} % stolen; the other {100 * busy[1][0]:.0f} % busy",
    "memory a broadcast": f"{figures['pss'] / BROADCASTS:.1f} MB PSS; of all, {figures['own pss']:.1f} MB are the server's own",
    "frames dropped": f"{dropped}; {buffered} ms waited to be sent at most",
    "camera to playlist": f"{milliseconds(every_lag)}; {rounds}",
    "chunks sent late": f"{1000 * max(broadcast.late for broadcast in broadcasts):.0f} ms at most",
    "on air, alone": f"{milliseconds(on_air)}, of {len(on_air)}",
    "on air, together": f"{milliseconds(together_live)}, of {BROADCASTS} that began 200 ms apart",
}.items():
    print(f"{name + ':':22}{text}")
missed = [
    name
    for name, bad in [
        ("one core", figures["cpu"] > 1 or dropped or statistics.median(every_lag) > TARGETS["lag"]),
        ("memory", figures["pss"] / BROADCASTS > TARGETS["pss"]),
        ("on air", statistics.median(on_air) > TARGETS["on air"]),
    ]
    if bad
]
if missed:
    sys.exit(f"target missed: {', '.join(missed)}")
