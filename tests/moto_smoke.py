"""scripts/smoke as a deployer runs it, with moto's CloudFormation and Cognito and the local cloud's API behind TLS.

Run by tests/official-clients with MOTO, POOL and CLIENT set: the user pool is moto's (moto_user_pool.py), and the local
cloud trusts its keys, so that the tokens are checked as API Gateway would. SMOKE is the built program.
"""

import contextlib
import datetime
import functools
import http.client
import http.server
import ipaddress
import os
import signal
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.parse
import urllib.request

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from local_cloud import API, door, until
from moto_user_pool import make_stack

MOTO, POOL, CLIENT, SCRATCH = (os.environ[name] for name in ("MOTO", "POOL", "CLIENT", "SCRATCH"))
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "smoke")
CERTIFICATE, KEY = (os.path.join(SCRATCH, name) for name in ("tls.pem", "tls.key"))


def make_certificate():
    """A certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "local")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.add_extension(x509.SubjectAlternativeName([address]), False).sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(CERTIFICATE, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(KEY, "wb") as file:
        file.write(key.private_bytes(*form))


class Forward(http.server.BaseHTTPRequestHandler):
    """Hands a request on to the local cloud."""

    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(API).netloc)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = forward

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def tls_front():
    """The local cloud's API under https, for as long as it is needed."""
    make_certificate()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class Smoke(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = cls.enterClassContext(tls_front())
        cls.cognito = boto3.client("cognito-idp", endpoint_url=MOTO)
        cloudformation = boto3.client("cloudformation", endpoint_url=MOTO)
        make_stack(cloudformation, ApiUrl=cls.url, UserPoolId=POOL, UserPoolClientId=CLIENT)

    def setUp(self):
        self.assertEqual(self.users(), [])

    def tearDown(self):
        door("DELETE", "faults")
        self.assertEqual(self.users(), [], "users are left behind")

    def users(self):
        return self.cognito.list_users(UserPoolId=POOL)["Users"]

    def start(self, *options, **variables):
        command = [sys.executable, SCRIPT, "--endpoint-url", MOTO, "--program", os.environ["SMOKE"], *options]
        environment = {**os.environ, "SSL_CERT_FILE": CERTIFICATE, **variables}
        # What a shell starts in the background ignores an interrupt, and so would all that comes of it.
        heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, preexec_fn=heed
        )

    def smoke(self, *options, **variables):
        """Runs the script to its end, and gives its exit status and what it said."""
        with self.start(*options, **variables) as process:
            said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def test_a_stack_is_judged_by_two_users_who_are_gone_afterwards(self):
        status, said = self.smoke("--stack", "greenroom")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"\n\d+ passed, 0 skipped, 0 failed\n$")
        self.assertNotRegex(said, r"eyJ|@example\.com|sk_")

    def test_parts_of_a_deployment_can_be_named_instead_and_so_can_groups(self):
        names = ["--api-url", self.url, "--user-pool", POOL, "--client", CLIENT]
        status, said = self.smoke(*names, "health", "server")
        self.assertEqual(status, 0, said)
        self.assertTrue(said.endswith("3 passed, 0 skipped, 0 failed\n"), said)

    def test_a_stack_that_fails_is_told_and_the_users_are_gone(self):
        fault = {"kind": "error", "status": 403, "code": "AccessDeniedException"}
        door("PUT", "faults", {"service": "ivs", "operation": "CreateStage", "times": None, "fault": fault})
        status, said = self.smoke("--stack", "greenroom", "stage")
        self.assertEqual(status, 1, said)
        self.assertIn("FAILED  stage", said)

    def test_a_run_that_is_ended_deletes_the_users_and_what_it_made(self):
        for ending, status in [(signal.SIGTERM, 143), (signal.SIGINT, 130)]:
            fault = {"kind": "latency", "ms": 1000, "when": "after"}
            door("PUT", "faults", {"service": "dynamodb", "operation": "UpdateItem", "times": None, "fault": fault})
            with self.start("--stack", "greenroom", "stage") as process:
                stages = boto3.client("ivs-realtime")
                until(lambda: stages.list_stages()["stages"], 120)
                process.send_signal(ending)
                said, _ = process.communicate(timeout=120)
            door("DELETE", "faults")
            self.assertEqual(process.returncode, status, said)
            self.assertIn("deleting what was made", said)
            self.assertEqual(stages.list_stages()["stages"], [])

    def test_with_tokens_of_another_provider_no_user_is_made(self):
        tokens = {}
        for name, sub in [("ALICE_TOKEN", "alice"), ("BOB_TOKEN", "bob")]:
            with urllib.request.urlopen(f"{API}/_local/token?sub={sub}") as answer:
                tokens[name] = answer.read().decode().strip()
        with self.start("--api-url", self.url, "participant", **tokens) as process:
            made, status = False, None
            while status is None:
                made = made or bool(self.users())
                with contextlib.suppress(subprocess.TimeoutExpired):
                    status = process.wait(0.1)
            said = process.stdout.read()
        self.assertEqual((status, made), (0, False), said)

    def test_what_is_missing_is_named(self):
        for options, variables, what in [
            (["--api-url", self.url], {}, "put access tokens of two users of your provider into"),
            (["--api-url", self.url], {"ALICE_TOKEN": "x"}, "set both ALICE_TOKEN and BOB_TOKEN, or neither"),
            (["--stack", "nowhere"], {}, "nowhere"),
            ([], {}, "give either --stack, or --api-url"),
        ]:
            status, said = self.smoke(*options, **variables)
            self.assertEqual(status, 2, said)
            self.assertIn(what, said)
            self.assertNotIn("Traceback", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
