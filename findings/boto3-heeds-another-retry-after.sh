#!/usr/bin/env bash
# boto3 1.44.8 does not wait for `Retry-After`; it waits for `x-amz-retry-after`, in milliseconds.
#
# One would guess: a 503 with `Retry-After: 3` makes a client that retries wait three seconds; the AWS SDKs' retries
# spread over seconds, as they did.
# What happens: without a mode of one's own boto3 now makes three attempts within a fraction of a second, with
# `Retry-After` or without. `x-amz-retry-after: 3000` has it wait three seconds each time.
# What follows: what stands in for AWS and wants its callers to wait says `x-amz-retry-after`. A Python peer has given up
# before a service that restarts is back, unless it sets its own retries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check boto3==1.44.8 botocore==1.44.8
venv/bin/pip list --format freeze | grep -E '^(boto3|botocore)=='

cat >watch.py <<'PYTHON'
import http.server
import threading
import time

import boto3
from botocore.exceptions import ClientError


class Unavailable(http.server.BaseHTTPRequestHandler):
    """Answers 503 with a header, and notes when it was asked."""

    header = None
    asked = []

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        Unavailable.asked.append(time.monotonic())
        self.send_response(503)
        if self.header:
            self.send_header(*self.header)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unavailable)
threading.Thread(target=server.serve_forever, daemon=True).start()
keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
for header in (None, ("Retry-After", "3"), ("x-amz-retry-after", "3000")):
    Unavailable.header, Unavailable.asked = header, []
    client = boto3.client("sqs", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{server.server_port}", **keys)
    try:
        client.list_queues()
    except ClientError:
        pass
    asked = Unavailable.asked
    pauses = [later - earlier for earlier, later in zip(asked, asked[1:])]
    waited = "three seconds and more each time" if min(pauses) >= 2.9 else "less" if max(pauses) < 2.9 else str(pauses)
    print(f"{': '.join(header) if header else 'no header'}: {len(asked)} attempts, pauses of {waited}")
PYTHON
env -u AWS_RETRY_MODE -u AWS_MAX_ATTEMPTS AWS_CONFIG_FILE=/dev/null venv/bin/python watch.py | tee seen
diff - seen <<'EXPECTED'
no header: 3 attempts, pauses of less
Retry-After: 3: 3 attempts, pauses of less
x-amz-retry-after: 3000: 3 attempts, pauses of three seconds and more each time
EXPECTED
