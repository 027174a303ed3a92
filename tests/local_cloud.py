"""The running local cloud, for the tests in this folder: its API, its side door, and the AWS CLI.

tests/official-clients starts the cloud and sets the variables: API, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

API = os.environ["API"]


def send(method, path, body=None, headers=None):
    """Sends a request to the API's port and gives status and JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, method=method, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def call(method, path, user, body=None):
    """Calls the API as a user and gives status and JSON."""
    token = urllib.request.urlopen(f"{API}/_local/token?sub={user}").read().decode().strip()
    return send(method, path, body, {"authorization": f"Bearer {token}", "content-type": "application/json"})


def door(method, path, body=None):
    """Asks the side door, which must do as it is told, and gives its JSON."""
    status, answer = send(method, f"/_local/{path}", body)
    if status != 200:
        raise AssertionError(f"{method} /_local/{path}: {status} {answer}")
    return answer


def servers():
    """What `GET /servers` lists, by task id."""
    status, page = call("GET", "/servers", "alice")
    if status != 200:
        raise AssertionError(f"GET /servers: {status} {page}")
    return {server["taskId"]: server for server in page["items"]}


def until(condition, seconds=20):
    """Waits until a condition gives something, and gives that."""
    limit = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > limit:
            raise AssertionError(f"waited for {seconds} seconds in vain")
        time.sleep(0.1)
    return found


def aws(*arguments):
    """Runs the AWS CLI and gives its JSON."""
    command = [os.path.join(os.path.dirname(sys.executable), "aws"), *arguments, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def redrive(*options, meanwhile=None, **variables):
    """Runs scripts/redrive as an operator does, and gives its exit status, its lines, and what it complains of.

    `meanwhile` is called with the process once it has started.
    """
    script = os.path.join(os.path.dirname(__file__), "..", "scripts", "redrive")
    command = [sys.executable, script, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell has its background jobs ignore Ctrl-C, and what they start would, too.
    heeds = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with subprocess.Popen(command, env={**os.environ, **variables}, **pipes, **heeds) as process:
        try:
            if meanwhile:
                meanwhile(process)
            lines, complaint = process.communicate(timeout=60)
        finally:
            process.kill()
    return process.returncode, lines.splitlines(), complaint
