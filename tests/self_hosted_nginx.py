"""The nginx of docs/self-hosted.md, for tests/self_hosted.py: set up by the documented commands, with ports and paths of its
own, and started as systemd would.
"""

import http.server
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import threading

from docs_blocks import blocks
from local_cloud import API, until

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = pathlib.Path(os.environ["SCRATCH"]) / "nginx"
PORTS = ["RTMPS", "RTMP", "INSIDE", "HTTPS", "HOOKS", "HOOKS_MUTE", "HOOKS_ODD"]
RTMPS, RTMP, INSIDE, HTTPS, HOOKS, HOOKS_MUTE, HOOKS_ODD = (os.environ[name] for name in PORTS)
NGINX = ["nginx", "-c", str(SCRATCH / "nginx.conf")]
# Where the documentation has it, and where this test does.
PATHS = {
    "/run/nginx.pid": f"{SCRATCH}/nginx.pid",
    "/etc/letsencrypt/live/video.example.com/": f"{SCRATCH}/",
    "/var/lib/greenroom": f"{SCRATCH}/www",
    "/etc/greenroom": f"{SCRATCH}/etc",
    "/run/greenroom": f"{SCRATCH}/run",
}
OUR_API = "https://abcdefghij.execute-api.eu-central-1.amazonaws.com"
# What nginx-rtmp waits for an answer.
NETCALL_TIMEOUT = 10
processes = []


def start(command, **options):
    """Starts a process that ends with this test."""
    process = subprocess.Popen(command, **options)
    processes.append(process)
    return process


def replaced(text, replacements, file):
    """A text of the documentation with this test's own; each that is replaced has to be there."""
    for old, new in replacements.items():
        if old not in text:
            raise AssertionError(f"{file} has no {old!r}")
        text = text.replace(old, new)
    return text


def configuration(mute, odd):
    """nginx.conf with this test's ports and paths, and its forwarder twice more: one that has a name to resolve, for which
    it asks a name server on port `mute`, and one whose API is on port `odd`."""
    file = "docs/self-hosted/nginx.conf"
    text = (ROOT / file).read_text()
    begin, end = text.index("    server {\n        listen 127.0.0.1:8081"), text.rindex("}")
    forwarder = text[begin:end]
    names = {"127.0.0.1:8081": f"127.0.0.1:{HOOKS_MUTE}", OUR_API: "https://api.example.com", "127.0.0.53": f"127.0.0.1:{mute}"}
    statuses = {"127.0.0.1:8081": f"127.0.0.1:{HOOKS_ODD}", OUR_API: f"http://127.0.0.1:{odd}"}
    others = replaced(forwarder, names, file) + replaced(forwarder, statuses, file)
    temporary = "".join(f" {kind}_temp_path {SCRATCH}/{kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    replacements = {
        **PATHS,
        "/var/log/nginx/": f"{SCRATCH}/",
        OUR_API: API,
        "listen 1936 ssl": f"listen 127.0.0.1:{RTMPS} ssl",
        "listen 443 ssl": f"listen 127.0.0.1:{HTTPS} ssl",
        "127.0.0.1:1935": f"127.0.0.1:{RTMP}",
        "127.0.0.1:1937": f"127.0.0.1:{INSIDE}",
        "127.0.0.1:8081": f"127.0.0.1:{HOOKS}",
        "notify_update_timeout 5s": "notify_update_timeout 1s",
        "hls_fragment 2s": "hls_fragment 1s",
        # The functions of a busy machine.
        "proxy_read_timeout 4s": "proxy_read_timeout 8s",
        "http {\n": "http {" + temporary + "\n",
    }
    text = text[:end] + others + text[end:]
    (SCRATCH / "nginx.conf").write_text(replaced(text, replacements, file))


def do_as_documented():
    """Runs the commands that set a server up, in the place of whose nginx.conf this test's stands already."""
    file = "docs/self-hosted.md"
    commands = next(block.text for block in blocks(ROOT / file) if block.kind == "sh aws" and "nginx -t" in block.text)
    replacements = {**PATHS, "/etc/systemd/system": f"{SCRATCH}/systemd", ":1936": f":{RTMPS}"}
    if os.getuid() != 0:
        # Then nginx's worker is nobody else.
        replacements["-o www-data "] = ""
    (SCRATCH / "systemd").mkdir()
    # This machine's own services are left alone.
    own = f'set -euo pipefail; systemctl() {{ :; }}; nginx() {{ command {shlex.join(NGINX)} "$@" || exit; }}\n'
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(["bash", "-c", own + replaced(commands, replacements, file)], check=True, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL)


def of_unit(unit, setting):
    """What a unit of the documentation sets, as an argument list each."""
    lines = (SCRATCH / "systemd" / unit).read_text().splitlines()
    found = [shlex.split(line.removeprefix(f"{setting}=")) for line in lines if line.startswith(f"{setting}=")]
    if not found:
        raise AssertionError(f"{unit} has no {setting}")
    return found


def start_nginx():
    """Starts nginx as systemd would."""
    dropped_in = "nginx.service.d/greenroom.conf"
    if of_unit(dropped_in, "RuntimeDirectory") != [["greenroom"]]:
        raise AssertionError("nobody makes the folder of the run")
    # Made anew at each start.
    shutil.rmtree(SCRATCH / "run")
    (SCRATCH / "run").mkdir()
    # That of Debian's unit comes first.
    for command in [[*NGINX, "-t", "-q"], *of_unit(dropped_in, "ExecStartPre")]:
        subprocess.run(command, check=True)
    output = (SCRATCH / "nginx.log").open("a")
    process = start([*NGINX, "-g", "daemon off;"], stdout=output, stderr=output)
    # Its check has left an empty one.
    pid = SCRATCH / "nginx.pid"
    until(lambda: process.poll() is not None or pid.exists() and pid.stat().st_size > 0)
    if process.poll() is not None:
        raise AssertionError((SCRATCH / "nginx.log").read_text())
    return process


class OddApi(http.server.BaseHTTPRequestHandler):
    """An API that answers with the status that it is asked for."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(int(self.headers["x-status"]))
        self.send_header("location", "demo")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def set_up():
    """Gives the sockets of what answers nginx, to be kept."""
    SCRATCH.mkdir()
    # nginx's worker is another user.
    SCRATCH.parent.chmod(0o755)
    certificate = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    pair = ["-keyout", str(SCRATCH / "privkey.pem"), "-out", str(SCRATCH / "fullchain.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *pair, *certificate], check=True, capture_output=True)
    mute = socket.socket(type=socket.SOCK_DGRAM)
    mute.bind(("127.0.0.1", 0))
    odd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OddApi)
    threading.Thread(target=odd.serve_forever, daemon=True).start()
    configuration(mute.getsockname()[1], odd.server_address[1])
    do_as_documented()
    return mute, odd


def answer(forwarder, path, status=200):
    """What nginx-rtmp gets from one of the forwarders: it reads until the connection is closed, and not for ever."""
    with socket.create_connection(("127.0.0.1", int(forwarder)), NETCALL_TIMEOUT) as connection:
        body = "call=update_publish"
        head = f"POST {path} HTTP/1.0\r\nx-status: {status}\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())
        said = b""
        while part := connection.recv(4096):
            said += part
    # To a 408, it hangs up.
    return int(said.split()[1]) if said else 408


def children(pid):
    """The processes that this one has started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in listed.stdout.split()]
