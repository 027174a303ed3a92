"""docs/self-hosted/nginx.conf with real publishers, and the local cloud behind it. tests/self-hosted starts the cloud and
sets the variables: those of tests/local_cloud.py, SCRATCH, and the ports RTMPS, RTMP, INSIDE, HTTPS and HOOKS.
"""

import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

from local_cloud import API, aws, call, send, until

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = pathlib.Path(os.environ["SCRATCH"]) / "nginx"
RTMPS, RTMP, INSIDE, HTTPS, HOOKS = (os.environ[name] for name in ["RTMPS", "RTMP", "INSIDE", "HTTPS", "HOOKS"])
QUALITIES = ["high", "mid", "low"]
processes = []


def start(command, **options):
    """Starts a process that ends with this test."""
    process = subprocess.Popen(command, **options)
    processes.append(process)
    return process


def configuration():
    """nginx.conf with this test's ports and paths; each text that is replaced has to be there."""
    text = (ROOT / "docs/self-hosted/nginx.conf").read_text()
    temporary = "".join(f" {kind}_temp_path {SCRATCH}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    for old, new in {
        "/run/nginx.pid": f"{SCRATCH}/nginx.pid",
        "/var/log/nginx/": f"{SCRATCH}/",
        "/etc/letsencrypt/live/video.example.com/": f"{SCRATCH}/",
        "/var/lib/greenroom": f"{SCRATCH}/www",
        "/etc/greenroom/": f"{SCRATCH}/",
        "/run/greenroom/": f"{SCRATCH}/",
        "https://abcdefghij.execute-api.eu-central-1.amazonaws.com": API,
        "listen 1936 ssl": f"listen 127.0.0.1:{RTMPS} ssl",
        "listen 443 ssl": f"listen 127.0.0.1:{HTTPS} ssl",
        "127.0.0.1:1935": f"127.0.0.1:{RTMP}",
        "127.0.0.1:1937": f"127.0.0.1:{INSIDE}",
        "127.0.0.1:8081": f"127.0.0.1:{HOOKS}",
        "notify_update_timeout 5s": "notify_update_timeout 1s",
        "hls_fragment 2s": "hls_fragment 1s",
        "http {\n": "http {" + temporary + "\n",
    }.items():
        if old not in text:
            raise AssertionError(f"docs/self-hosted/nginx.conf has no {old!r}")
        text = text.replace(old, new)
    (SCRATCH / "nginx.conf").write_text(text)


def start_nginx():
    """Starts nginx as a unit would: with a new name for this run."""
    (SCRATCH / "nginx-run.conf").write_text(f'proxy_set_header x-nginx-run "{uuid.uuid4()}";\n')
    output = (SCRATCH / "nginx.log").open("a")
    process = start(["nginx", "-c", str(SCRATCH / "nginx.conf"), "-g", "daemon off;"], stdout=output, stderr=output)
    until(lambda: process.poll() is not None or (SCRATCH / "nginx.pid").exists())
    if process.poll() is not None:
        raise AssertionError((SCRATCH / "nginx.log").read_text())
    return process


def set_up():
    SCRATCH.mkdir()
    # nginx's worker is another user.
    SCRATCH.parent.chmod(0o755)
    (SCRATCH / "www").mkdir()
    (SCRATCH / "www").chmod(0o777)
    certificate = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    keys = ["-keyout", str(SCRATCH / "privkey.pem"), "-out", str(SCRATCH / "fullchain.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *keys, *certificate], check=True, capture_output=True)
    secret = uuid.uuid4().hex
    (SCRATCH / "hook-secret.conf").write_text(f'proxy_set_header x-hook-secret "{secret}";\n')
    stack = aws("secretsmanager", "list-secrets")["SecretList"]
    name = next(entry["Name"] for entry in stack if entry["Name"].endswith("/rtmp-hook"))
    aws("secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", secret)
    configuration()


def channel(name, qualities=None):
    """Makes a self-hosted channel of alice's and gives its playback URL and its key."""
    body = {"origin": "selfHosted", **({"qualities": qualities} if qualities else {})}
    status, made = call("PUT", f"/channels/{name}", "alice", body)
    if status != 201:
        raise AssertionError(f"{status} {made}")
    return made, call("GET", f"/channels/{name}/stream-key", "alice")[1]["streamKey"]


def publisher(application, *names):
    """An encoder that sends the same picture under each of these names, over TLS that it checks."""
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25", "-f", "lavfi", "-i", "sine"]
    codec = ["-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "44100"]
    tls = ["-tls_verify", "1", "-ca_file", str(SCRATCH / "fullchain.pem")]
    outputs = [part for name in names for part in [*codec, "-f", "flv", *tls, f"rtmps://localhost:{RTMPS}/{application}/{name}"]]
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
    lines = (SCRATCH.parent / "local.log").read_text().splitlines()
    return any(all(text in line for text in said) for line in lines)


def end(encoder):
    encoder.terminate()
    encoder.wait(timeout=30)


def refused(encoder, what):
    """An encoder that is let in runs for ever."""
    if encoder.wait(timeout=30) == 0:
        raise AssertionError(f"{what} was let in")


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


def one_quality():
    made, key = channel("one")
    if made["ingestUrl"] != f"rtmps://localhost:{RTMPS}/live":
        raise AssertionError(made)
    encoder = publisher("live", key)
    until_live("one", encoder)
    if not is_listed("one"):
        raise AssertionError("GET /streams does not list what is live")
    plays(made["playbackUrl"], None)
    status, problem = call("DELETE", "/channels/one", "alice")
    if (status, problem["type"]) != (409, "live"):
        raise AssertionError(f"a live channel: {status} {problem}")
    # A second publisher is refused, and the first goes on.
    refused(publisher("live", key), "a second publisher")
    if not is_live("one") or encoder.poll() is not None:
        raise AssertionError("a second publisher ended the first")
    # A key that has been replaced opens nothing, and what it opened goes on until it ends.
    new = call("POST", "/channels/one/stream-key", "alice")[1]["streamKey"]
    if new == key or not is_live("one"):
        raise AssertionError("a rotation ended the broadcast, or changed nothing")
    end(encoder)
    until_offline("one")
    refused(publisher("live", key), "a key that has been replaced")
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
        refused(publisher(application, name), f"{application}/{name.replace(key, '<key>')}")
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
    return key


def transcoded():
    made, key = channel("studio", QUALITIES)
    encoder = publisher("transcode", key)
    until_live("studio", encoder)
    plays(made["playbackUrl"], QUALITIES)
    # Its machine loses power, as far as anybody can tell.
    encoder.kill()
    until_offline("studio")
    return key


def falls_silent():
    """An encoder that is stopped keeps its connection and sends nothing."""
    _, key = channel("silent")
    encoder = publisher("live", key)
    until_live("silent", encoder)
    encoder.send_signal(signal.SIGSTOP)
    until_offline("silent", 60)
    encoder.kill()
    return key


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
    refused(publisher("live", channel("unlucky")[1]), "a publisher that nobody could ask about")
    urllib.request.urlopen(urllib.request.Request(f"{API}/_local/faults", method="DELETE"))
    if encoder.poll() is not None or not is_live("steady"):
        raise AssertionError("a failing API ended a broadcast")
    end(encoder)
    until_offline("steady")
    return key


def reloaded(nginx):
    """After a reload, nginx's new worker knows nothing of the old one's publishers; the hook does."""
    _, key = channel("reload")
    encoder = publisher("live", key)
    until_live("reload", encoder)
    workers = children(nginx)
    nginx.send_signal(signal.SIGHUP)
    until(lambda: set(children(nginx)) - set(workers))
    refused(publisher("live", key), "a second publisher after a reload")
    if encoder.poll() is not None or not is_live("reload"):
        raise AssertionError("a second publisher after a reload ended the first")
    end(encoder)
    until_offline("reload")
    return key


def children(process):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in listed.stdout.split()]


def nginx_dies(nginx):
    """Whatever it was about to tell is lost; its successor's publishers do not wait for that."""
    _, key = channel("crash")
    encoder = publisher("live", key)
    until_live("crash", encoder)
    before = session("crash")
    workers = children(nginx)
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
    return key


def shows_no_key(keys):
    """No stream key is in a path of HLS, in nginx's logs, or in the log of the functions."""
    written = [str(path) for path in (SCRATCH / "www").rglob("*")]
    written += [path.read_text(errors="replace") for path in [*SCRATCH.glob("*.log"), SCRATCH.parent / "local.log"]]
    for key in keys:
        secret = key.rsplit("_", 1)[1]
        if any(secret in text for text in written):
            raise AssertionError("a stream key is written where others read")


def main():
    set_up()
    nginx = start_nginx()
    try:
        one_quality()
        print("one quality: live, played, refused to others, ended")
        wrong_names()
        print("wrong names: refused")
        keys = [all_qualities()]
        print("three qualities: live with the last")
        keys.append(transcoded())
        print("three qualities of one source: live, played, over when its machine dies")
        keys.append(falls_silent())
        print("a silent publisher: offline")
        keys.append(api_fails())
        print("an API that fails: nobody is let in, and nobody ended")
        keys.append(reloaded(nginx))
        print("a reload: nobody else is let in")
        keys.append(nginx_dies(nginx))
        print("nginx dies: its successor's publishers are let in")
        shows_no_key(keys)
        print("no stream key in a path or a log")
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
