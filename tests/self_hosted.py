"""docs/self-hosted.md's commands, and its nginx.conf with real publishers, and the local cloud behind it. tests/self-hosted
starts the cloud and sets the variables: those of tests/local_cloud.py, SCRATCH, and the ports RTMPS, RTMP, INSIDE, HTTPS,
HOOKS, HOOKS_MUTE and HOOKS_ODD.
"""

import http
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

from local_cloud import API, call, send, until
from self_hosted_nginx import (
    HOOKS_MUTE, HOOKS_ODD, RTMPS, SCRATCH, answer, children, of_unit, processes, set_up, start, start_nginx,
)

LOG = SCRATCH.parent / "local.log"
QUALITIES = ["high", "mid", "low"]
# Every stream key that was given out.
keys = []


def channel(name, qualities=None):
    """Makes a self-hosted channel of alice's and gives its playback URL and its key."""
    body = {"origin": "selfHosted", **({"qualities": qualities} if qualities else {})}
    status, made = call("PUT", f"/channels/{name}", "alice", body)
    if status != 201:
        raise AssertionError(f"{status} {made}")
    keys.append(call("GET", f"/channels/{name}/stream-key", "alice")[1]["streamKey"])
    return made, keys[-1]


def publisher(application, *names):
    """An encoder that sends the same picture under each of these names, over TLS that it checks."""
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-f", "lavfi", "-i", "sine"]
    codec = ["-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "44100"]
    tls = ["-tls_verify", "1", "-ca_file", str(SCRATCH / "fullchain.pem")]
    outputs = []
    for name in names:
        # As they are, so that a name may have any characters.
        stream = ["-rtmp_app", application, "-rtmp_playpath", name]
        outputs += [*codec, "-f", "flv", *tls, *stream, f"rtmps://localhost:{RTMPS}/"]
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "fatal", *source, *outputs]
    return start(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def is_live(name):
    status, stream = send("GET", f"/streams/{name}")
    if status != 200:
        raise AssertionError(f"GET /streams/{name}: {status} {stream}")
    return stream["state"] == "live"


def session(name):
    """The broadcast that a channel is live with, if it is."""
    return send("GET", f"/streams/{name}")[1]["session"]


def is_listed(name):
    return any(item["channel"] == name for item in send("GET", "/streams")[1]["items"])


def until_live(name, encoder):
    """Waits until a channel is live; its encoder must be at work."""
    until(lambda: is_live(name) or encoder.poll() is not None, 60)
    if encoder.poll() is not None:
        raise AssertionError(f"{name}: the encoder ended with {encoder.returncode}")


def until_offline(name, seconds=20):
    until(lambda: not is_live(name), seconds)
    if is_listed(name):
        raise AssertionError(f"{name} is listed and not live")


def is_confirmed(name, quality):
    """Whether nginx has told that a quality goes on, by the log of the hook."""
    said = [f'"channel":"{name}"', f'"quality":"{quality}"', '"call":"update_publish"']
    return any(all(text in line for text in said) for line in LOG.read_text().splitlines())


def end(encoder):
    encoder.terminate()
    encoder.wait(timeout=30)


def refused(application, name, problem, what):
    """Publishes what the hook refuses with this problem; an encoder that is let in runs for ever."""
    forwarded = re.compile(r" /publish status=403 api=403 ")

    def refusals():
        by_hook = [line for line in LOG.read_text().splitlines() if f'"problem":"{problem}"' in line]
        return len(by_hook), len(forwarded.findall((SCRATCH / "hooks.log").read_text()))

    before = refusals()
    if publisher(application, name).wait(timeout=60) == 0:
        raise AssertionError(f"{what} was let in")
    until(lambda: all(now > then for now, then in zip(refusals(), before)))


def fetch(url):
    context = ssl.create_default_context(cafile=str(SCRATCH / "fullchain.pem"))
    try:
        with urllib.request.urlopen(url, context=context) as answer:
            return answer.read()
    except urllib.error.HTTPError:
        return None


def plays(url, qualities):
    """What a player does: the playlist, that of each quality, and a decoded segment."""
    master = until(lambda: fetch(url), 30).decode()
    playlists = [line for line in master.splitlines() if line and not line.startswith("#")]
    if qualities:
        if len(playlists) != len(qualities):
            raise AssertionError(master)
        urls = [f"{url.rsplit('/', 1)[0]}/{line}" for line in playlists]
    else:
        urls = [url]
    for quality in urls:
        playlist = until(lambda url=quality: fetch(url), 30).decode()
        segment = next(line for line in playlist.splitlines() if line and not line.startswith("#"))
        (SCRATCH / "segment.ts").write_bytes(fetch(f"{quality.rsplit('/', 1)[0]}/{segment}"))
        probe = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv", str(SCRATCH / "segment.ts")]
        said = subprocess.run(probe, check=True, capture_output=True, text=True).stdout
        if not re.search(r"h264,\d+", said) or "aac" not in said:
            raise AssertionError(said)


def is_certificate_taken():
    """Whether the documented timer would restart nginx now."""
    conditions = of_unit("greenroom-certificate.service", "ExecCondition")
    return all(subprocess.run(condition, check=False).returncode == 0 for condition in conditions)


def one_quality():
    made, key = channel("one")
    if is_certificate_taken():
        raise AssertionError("nginx would be restarted for a certificate that it has")
    if made["ingestUrl"] != f"rtmps://localhost:{RTMPS}/live":
        raise AssertionError(made)
    encoder = publisher("live", key)
    until_live("one", encoder)
    if not is_listed("one"):
        raise AssertionError("GET /streams does not list what is live")
    plays(made["playbackUrl"], None)
    renewed = (SCRATCH / "nginx.pid").stat().st_mtime + 60
    os.utime(SCRATCH / "fullchain.pem", (renewed, renewed))
    if is_certificate_taken():
        raise AssertionError("nginx would be restarted while somebody is on air")
    status, problem = call("DELETE", "/channels/one", "alice")
    if (status, problem["type"]) != (409, "live"):
        raise AssertionError(f"a live channel: {status} {problem}")
    # A second publisher is refused, and the first goes on.
    refused("live", key, "on-air", "a second publisher")
    if not is_live("one") or encoder.poll() is not None:
        raise AssertionError("a second publisher ended the first")
    # A key that has been replaced opens nothing, and what it opened goes on until it ends.
    new = call("POST", "/channels/one/stream-key", "alice")[1]["streamKey"]
    keys.append(new)
    if new == key or not is_live("one"):
        raise AssertionError("a rotation ended the broadcast, or changed nothing")
    end(encoder)
    until_offline("one")
    until(is_certificate_taken)
    refused("live", key, "publisher-refused", "a key that has been replaced")
    encoder = publisher("live", f"{new}?name=evil")
    until_live("one", encoder)
    end(encoder)
    until_offline("one")


def wrong_names():
    _, key = channel("wrong")
    for application, name in [
        ("live", "wrong"), ("live", "wrong_" + "0" * 40), ("live", f"{key}_high"), ("live", f"{key}/../x"),
        # From outside, nobody publishes under a name that is no secret.
        ("hls", "wrong"), ("hls", "wrong.high"), ("transcode", "wrong.high"),
    ]:
        refused(application, name, "publisher-refused", f"{application}/{name.replace(key, '<key>')}")
    if is_live("wrong"):
        raise AssertionError("what was refused is live")


def all_qualities():
    made, key = channel("ladder", QUALITIES)
    two = publisher("live", f"{key}_high", f"{key}_mid")
    for quality in ["high", "mid"]:
        until(lambda quality=quality: is_confirmed("ladder", quality), 60)
    if is_live("ladder"):
        raise AssertionError("live without its low quality")
    third = publisher("live", f"{key}_low")
    until_live("ladder", third)
    plays(made["playbackUrl"], QUALITIES)
    for encoder in [two, third]:
        end(encoder)
    until_offline("ladder")


def transcoded(nginx):
    made, key = channel("studio", QUALITIES)
    encoder = publisher("transcode", key)
    until_live("studio", encoder)
    plays(made["playbackUrl"], QUALITIES)
    # Anybody on the machine may read them.
    started = [child for worker in children(nginx.pid) for child in children(worker)]
    arguments = [pathlib.Path(f"/proc/{child}/cmdline").read_text() for child in started]
    if not any("/transcode/studio" in text for text in arguments) or any(is_secret_in(text) for text in arguments):
        raise AssertionError("ffmpeg is not called with the name that the hook gave")
    # Its machine loses power, as far as anybody can tell.
    encoder.kill()
    until_offline("studio")


def falls_silent():
    """An encoder that is stopped keeps its connection and sends nothing."""
    _, key = channel("silent")
    encoder = publisher("live", key)
    until_live("silent", encoder)
    encoder.send_signal(signal.SIGSTOP)
    until_offline("silent", 60)
    encoder.kill()


def api_fails():
    """An update that is not answered with yes would end the publisher."""
    _, key = channel("steady")
    encoder = publisher("live", key)
    until_live("steady", encoder)
    fault = {"service": "dynamodb", "operation": "BatchGetItem", "times": None, "fault": {"kind": "throttle"}}
    status, _ = send("PUT", "/_local/faults", fault)
    if not 200 <= status < 300:
        raise AssertionError(f"PUT /_local/faults: {status}")
    # Three tries each.
    until(lambda: sum(one["fired"] for one in send("GET", "/_local/faults")[1]["faults"]) > 9, 60)
    if publisher("live", channel("unlucky")[1]).wait(timeout=60) == 0:
        raise AssertionError("a publisher that nobody could ask about was let in")
    # On a busy machine, nobody waits for the last of the three.
    until(lambda: re.search(r" /publish status=50[34] api=50[34] ", (SCRATCH / "hooks.log").read_text()))
    urllib.request.urlopen(urllib.request.Request(f"{API}/_local/faults", method="DELETE"))
    # Its lease may have lapsed meanwhile.
    until_live("steady", encoder)
    end(encoder)
    until_offline("steady")


def mute_name_server():
    if answer(HOOKS_MUTE, "/update") != 204 or answer(HOOKS_MUTE, "/publish") < 400:
        raise AssertionError("without names, an update is no yes, or a publisher let in")
    for line in [" /told status=502 api=- ", " /publish status=502 api=- "]:
        until(lambda line=line: line in (SCRATCH / "hooks.log").read_text())


def odd_answers():
    for status in [306, *(status.value for status in http.HTTPStatus if status >= 200)]:
        update, publish = answer(HOOKS_ODD, "/update", status), answer(HOOKS_ODD, "/publish", status)
        if not 200 <= update < 300:
            raise AssertionError(f"an update that the API answers with {status} ends the publisher: {update}")
        if (publish < 400) != (200 <= status < 300 or status == 302):
            raise AssertionError(f"a publisher whom the API answers with {status}: {publish}")


def reloaded(nginx):
    """After a reload, nginx's new worker knows nothing of the old one's publishers; the hook does."""
    _, key = channel("reload")
    encoder = publisher("live", key)
    until_live("reload", encoder)
    workers = children(nginx.pid)
    nginx.send_signal(signal.SIGHUP)
    until(lambda: set(children(nginx.pid)) - set(workers))
    refused("live", key, "on-air", "a second publisher after a reload")
    if encoder.poll() is not None or not is_live("reload"):
        raise AssertionError("a second publisher after a reload ended the first")
    end(encoder)
    until_offline("reload")


def nginx_dies(nginx):
    """Whatever it was about to tell is lost; its successor's publishers do not wait for that."""
    _, key = channel("crash")
    encoder = publisher("live", key)
    until_live("crash", encoder)
    before = session("crash")
    workers = children(nginx.pid)
    nginx.kill()
    nginx.wait()
    for worker in workers:
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass
    encoder.wait(timeout=30)
    (SCRATCH / "nginx.pid").unlink()
    start_nginx()
    encoder = publisher("live", key)
    # The old broadcast would be believed for a minute.
    until(lambda: session("crash") not in (None, before) or encoder.poll() is not None, 30)
    until_live("crash", encoder)
    end(encoder)
    until_offline("crash")


def is_secret_in(text):
    return any(key.rsplit("_", 1)[1] in text for key in keys)


def shows_no_key():
    """No stream key is in a path of HLS, in nginx's logs, or in the log of the functions."""
    written = [str(path) for path in (SCRATCH / "www").rglob("*")]
    written += [path.read_text(errors="replace") for path in [*SCRATCH.glob("*.log"), LOG]]
    if any(is_secret_in(text) for text in written):
        raise AssertionError("a stream key is written where others read")
    noted = (SCRATCH / "hooks.log").read_text()
    if re.search(r" /update | /yes | status=204 api=204 ", noted):
        raise AssertionError(f"what is well is noted: {noted}")


def main():
    answering = set_up()
    print("the documented commands: run")
    nginx = start_nginx()
    try:
        mute_name_server()
        odd_answers()
        print("a mute name server, and every status: an update is answered with yes, and nobody let in")
        one_quality()
        print("one quality: live, played, refused to others, ended; a new certificate waits for it")
        wrong_names()
        print("wrong names: refused")
        all_qualities()
        print("three qualities: live with the last")
        transcoded(nginx)
        print("three qualities of one source: live, played, over when its machine dies")
        falls_silent()
        print("a silent publisher: offline")
        api_fails()
        print("an API that fails: nobody is let in, and nobody ended")
        reloaded(nginx)
        print("a reload: nobody else is let in")
        nginx_dies(nginx)
        print("nginx dies: its successor's publishers are let in")
        shows_no_key()
        print("no stream key in a path, a log or an argument")
    finally:
        for process in reversed(processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    process.kill()


if __name__ == "__main__":
    sys.exit(main())
