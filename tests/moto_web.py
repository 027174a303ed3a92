"""scripts/deploy-web as a deployer runs it, with moto's CloudFormation, S3 and CloudFront.

Run by tests/official-clients with MOTO set. The stack is one with the outputs of template.yaml that the script reads, and
the pages are a few files like those that Vite makes.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import boto3
from moto_user_pool import properties

MOTO = os.environ["MOTO"]
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "deploy-web")
PAGES = {
    "index.html": "<!doctype html>",
    "watch.html": "<!doctype html>",
    "console.html": "<!doctype html>",
    "mark.svg": "<svg/>",
    "assets/watch-Ab_3-xyZ.js": "play()",
    "assets/base-01234567.css": "a{}",
    "assets/licenses.txt": "Licences",
}
FOR_EVER = "public, max-age=31536000, immutable"


def client(service):
    return boto3.client(service, endpoint_url=MOTO)


class Provider(http.server.BaseHTTPRequestHandler):
    """What an OpenID Connect provider tells of itself."""

    def do_GET(self):
        host = f"http://{self.headers['host']}"
        found = self.path == "/realm/.well-known/openid-configuration"
        self.send_response(200 if found else 404)
        self.end_headers()
        endpoints = {f"{name}_endpoint": f"{host}/{name}" for name in ("authorization", "token", "end_session")}
        self.wfile.write(json.dumps(endpoints).encode())

    def log_message(self, *_):
        pass


class DeployWeb(unittest.TestCase):
    def setUp(self):
        self.s3, self.stacks = client("s3"), []
        self.bucket = f"pages-{self._testMethodName.replace('_', '-')}"[:60].strip("-")
        self.s3.create_bucket(Bucket=self.bucket)
        origin = {
            "Id": "bucket",
            "DomainName": f"{self.bucket}.s3.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        behaviour = properties("WebDistribution", ("DistributionConfig",))["DistributionConfig"]["DefaultCacheBehavior"]
        made = client("cloudfront").create_distribution(
            DistributionConfig={
                "CallerReference": self.bucket,
                "Comment": "",
                "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": {
                    "TargetOriginId": behaviour["TargetOriginId"],
                    "ViewerProtocolPolicy": behaviour["ViewerProtocolPolicy"],
                    "CachePolicyId": behaviour["CachePolicyId"],
                },
            }
        )
        self.distribution = made["Distribution"]["Id"]
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dist = pathlib.Path(folder.name)
        for name, text in PAGES.items():
            path = self.dist / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

    def stack(self, parameters=None, **outputs):
        """A stack with these outputs, and those that each stack with pages has."""
        values = {
            "ApiUrl": "https://api.example.com",
            "WebUrl": "https://pages.example.com",
            "WebBucketName": self.bucket,
            "WebDistributionId": self.distribution,
            **outputs,
        }
        template = {
            "Parameters": {name: {"Type": "String", "Default": value} for name, value in (parameters or {}).items()},
            "Resources": {"Nothing": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {name: {"Value": value} for name, value in values.items() if value is not None},
        }
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in (parameters or {}).items()]
        name = f"{self.bucket}-{len(self.stacks)}"
        self.stacks.append(name)
        client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=given)
        return name

    def cognito(self):
        return self.stack(SignInUrl="https://blue.auth.us-east-1.amazoncognito.com", UserPoolClientId="client")

    def run_script(self, stack, *options):
        command = [sys.executable, SCRIPT, "--stack", stack, "--dist", str(self.dist), "--endpoint-url", MOTO, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def deployed(self, stack, *options):
        done = self.run_script(stack, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, stack, *options):
        done = self.run_script(stack, *options)
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertEqual(self.objects(), {})
        return done.stderr

    def objects(self):
        """Type and cache control of each file in the bucket."""
        keys = [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]
        heads = {key: self.s3.head_object(Bucket=self.bucket, Key=key) for key in keys}
        return {key: (head["ContentType"], head["CacheControl"]) for key, head in heads.items()}

    def config(self):
        return json.load(self.s3.get_object(Bucket=self.bucket, Key="config.json")["Body"])

    def test_each_file_is_served_as_what_it_is_and_kept_as_long_as_its_name_means_it(self):
        told = self.deployed(self.cognito())
        self.assertEqual(
            self.objects(),
            {
                "index.html": ("text/html; charset=utf-8", "no-cache"),
                "watch.html": ("text/html; charset=utf-8", "no-cache"),
                "mark.svg": ("image/svg+xml; charset=utf-8", "no-cache"),
                "config.json": ("application/json", "no-cache"),
                "assets/watch-Ab_3-xyZ.js": ("text/javascript; charset=utf-8", FOR_EVER),
                "assets/base-01234567.css": ("text/css; charset=utf-8", FOR_EVER),
                "assets/licenses.txt": ("text/plain; charset=utf-8", "no-cache"),
            },
        )
        self.assertTrue(told.rstrip().endswith("https://pages.example.com/"), told)
        order = [line.split()[0] for line in told.splitlines() if " bytes " in line]
        self.assertEqual(order[-2:], ["index.html", "watch.html"])
        self.assertTrue(all(key.startswith("assets/") for key in order[:2]), order)

    def test_the_distribution_forgets_what_has_changed(self):
        self.deployed(self.cognito())
        (made,) = client("cloudfront").list_invalidations(DistributionId=self.distribution)["InvalidationList"]["Items"]
        batch = client("cloudfront").get_invalidation(DistributionId=self.distribution, Id=made["Id"])["Invalidation"]
        self.assertEqual(batch["InvalidationBatch"]["Paths"]["Items"], ["/*"])

    def test_the_pages_sign_in_at_cognitos_page(self):
        self.deployed(self.cognito())
        url = "https://blue.auth.us-east-1.amazoncognito.com"
        sign_in = {
            "authorizeUrl": f"{url}/oauth2/authorize",
            "tokenUrl": f"{url}/oauth2/token",
            "logoutUrl": f"{url}/logout",
            "clientId": "client",
            "scope": "openid",
        }
        self.assertEqual(self.config(), {"api": "https://api.example.com", "signIn": sign_in, "local": False})

    def test_the_pages_sign_in_at_the_provider_that_the_stack_was_deployed_with(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        host = f"http://127.0.0.1:{server.server_address[1]}"
        stack = self.stack({"JwtIssuer": f"{host}/realm"})
        self.assertIn("--client-id", self.refused(stack))
        self.deployed(stack, "--client-id", "web", "--scope", "openid api")
        sign_in = self.config()["signIn"]
        self.assertEqual(sign_in["tokenUrl"], f"{host}/token")
        self.assertEqual((sign_in["clientId"], sign_in["scope"]), ("web", "openid api"))
        self.assertIn("openid-configuration", self.refused_elsewhere(f"{host}/other"))

    def refused_elsewhere(self, issuer):
        done = self.run_script(self.stack({"JwtIssuer": issuer}), "--client-id", "web")
        self.assertEqual(done.returncode, 2, done.stdout)
        return done.stderr

    def test_a_dry_run_says_all_and_puts_nothing(self):
        told = self.deployed(self.cognito(), "--dry-run")
        self.assertEqual(self.objects(), {})
        self.assertIn("assets/watch-Ab_3-xyZ.js  6 bytes  text/javascript; charset=utf-8  public", told)
        self.assertIn('"api": "https://api.example.com"', told)

    def test_what_an_earlier_version_left_goes_when_it_is_pruned(self):
        stack = self.cognito()
        self.deployed(stack)
        (self.dist / "assets/watch-Ab_3-xyZ.js").rename(self.dist / "assets/watch-98765432.js")
        self.deployed(stack)
        self.assertIn("assets/watch-Ab_3-xyZ.js", self.objects())
        self.deployed(stack, "--prune")
        self.assertNotIn("assets/watch-Ab_3-xyZ.js", self.objects())
        self.assertIn("assets/watch-98765432.js", self.objects())

    def test_a_stack_without_pages_or_without_a_sign_in_page_is_refused(self):
        self.assertIn("Web=true", self.refused(self.stack(WebBucketName=None)))
        self.assertIn("SignInPrefix", self.refused(self.stack()))

    def test_a_file_of_a_kind_that_nobody_has_said_how_to_serve_is_refused(self):
        (self.dist / "notes.doc").write_text("")
        self.assertIn("notes.doc", self.refused(self.cognito()))


class Paths(unittest.TestCase):
    """The function of CloudFront that says which file a path is, run by node."""

    def told(self, paths):
        """What the function makes of each: a request, or an answer."""
        (code,) = properties("WebPaths", ("FunctionCode",)).values()
        ask = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map((uri) => handler({ request: { uri } }))))"
        told = subprocess.run(["node", "-e", code + ask, json.dumps(paths)], capture_output=True, text=True, check=True)
        return dict(zip(paths, json.loads(told.stdout)))

    def test_a_channels_page_is_one_file_for_all_channels(self):
        paths = ["/", "/signed-in", "/broadcast/demo", "/watch/demo", "/watch/demo/", "/broadcast/a/b", "/assets/a.js"]
        told = self.told(paths)
        self.assertEqual(
            {path: request["uri"] for path, request in told.items() if path != request["uri"]},
            {
                "/": "/index.html",
                "/signed-in": "/signed-in.html",
                "/broadcast/demo": "/broadcast.html",
                "/watch/demo": "/watch.html",
                "/watch/demo/": "/watch.html",
            },
        )

    def test_a_channels_page_without_its_name_leads_to_where_it_is_named(self):
        for path, answer in self.told(["/broadcast", "/broadcast/", "/watch", "/watch/"]).items():
            self.assertEqual((answer["statusCode"], answer["headers"]["location"]["value"]), (302, "/"), path)


if __name__ == "__main__":
    unittest.main()
