"""The stage and participant cases, with the deployed zips in ministack and IVS in the local cloud. Run by tests/ministack.

ministack makes no routes of SAM's HttpApi events. They are made here from what SAM's translator says they are; its JWT
authorizer checks the tokens. Policies are not enforced there: the local cloud does that.
"""

import json
import os
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from sam_template import Resolver, translated

MINISTACK, STACK, LOCAL = os.environ["MINISTACK"], os.environ["STACK"], os.environ["API"]
ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
TEMPLATE = os.path.join(os.environ["BUILT"], "template.yaml")
METHODS = ("get", "put", "post", "patch", "delete")
CALLERS = 24


def client(service, endpoint=MINISTACK):
    return boto3.client(service, endpoint_url=endpoint, config=Config(read_timeout=30, retries={"total_max_attempts": 1}))


class Deployed:
    """The API that was deployed, with its routes."""

    def __init__(self):
        template = translated(TEMPLATE)
        resolver = Resolver(template, False, {"JwtIssuer": ISSUER, "JwtAudience": AUDIENCE})
        ((self.api_name, api),) = (
            (name, resource) for name, resource in template["Resources"].items() if resource["Type"] == "AWS::ApiGatewayV2::Api"
        )
        described = client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        self.ids = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in described}
        self.api = client("apigatewayv2")
        self.id = self.ids[self.api_name]
        self.add_routes(resolver.resolve(api["Properties"]["Body"]))

    def add_routes(self, body):
        schemes = body["components"]["securitySchemes"]
        authorizers = {name: self.authorizer(name, scheme) for name, scheme in schemes.items()}
        integrations = {}
        self.routes = []
        for path, operations in body["paths"].items():
            for method in METHODS:
                if method not in operations:
                    continue
                operation = operations[method]
                uri = operation["x-amazon-apigateway-integration"]["uri"]
                function = uri.split(":function:")[1].split("/")[0]
                if function not in integrations:
                    integrations[function] = self.integration(function)
                secured = [name for requirement in operation.get("security", []) for name in requirement if name in authorizers]
                jwt = {"AuthorizationType": "JWT", "AuthorizerId": authorizers[secured[0]]} if secured else {}
                route = f"{method.upper()} {path}"
                self.api.create_route(ApiId=self.id, RouteKey=route, Target=f"integrations/{integrations[function]}", **jwt)
                self.routes.append(route)

    def authorizer(self, name, scheme):
        declared = scheme["x-amazon-apigateway-authorizer"]["jwtConfiguration"]
        created = self.api.create_authorizer(
            ApiId=self.id,
            Name=name,
            AuthorizerType="JWT",
            IdentitySource=["$request.header.Authorization"],
            JwtConfiguration={"Issuer": declared["issuer"], "Audience": declared["audience"]},
        )
        return created["AuthorizerId"]

    def integration(self, function):
        arn = client("lambda").get_function(FunctionName=self.ids[function])["Configuration"]["FunctionArn"]
        created = self.api.create_integration(
            ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
        )
        return created["IntegrationId"]


def ivs():
    return client("ivs-realtime", os.environ["IVS"])


def send(url, method="GET", body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text) if text else None


def token_of(user):
    with urllib.request.urlopen(f"{LOCAL}/_local/token?sub={user}&iss={ISSUER}&aud={AUDIENCE}") as answer:
        return answer.read().decode().strip()


def join(token):
    """What IVS says to a client that joins with a participant token."""
    return send(f"{LOCAL}/_local/join", "POST", {"token": token})[1]


def call(method, path, user=None, body=None, token=None):
    headers = {"content-type": "application/json"} if body is not None else {}
    if user or token:
        headers["authorization"] = f"Bearer {token or token_of(user)}"
    return send(f"{MINISTACK}/_aws/execute-api/{APP.id}/$default{path}", method, body, headers)


def stages_named(name):
    """The stages of that name in IVS."""
    found, more = [], {}
    while True:
        page = ivs().list_stages(maxResults=100, **more)
        found += [stage for stage in page["stages"] if stage.get("name") == name]
        if not page.get("nextToken"):
            return found
        more = {"nextToken": page["nextToken"]}


def setUpModule():
    global APP
    APP = Deployed()
    quotas = {"CreateStage": 1000, "ListStages": 1000, "DeleteStage": 1000}
    send(f"{LOCAL}/_local/quotas", "PUT", quotas)


class Cases(unittest.TestCase):
    def test_the_stack_has_made_its_signing_keys_by_itself(self):
        keys = {
            "participant": ivs().list_public_keys()["publicKeys"],
            "playback": client("ivs", os.environ["IVS"]).list_playback_key_pairs()["keyPairs"],
        }
        for kind, imported in keys.items():
            self.assertEqual([key["tags"]["greenroom:stack"] for key in imported], [STACK])
            value = client("secretsmanager").get_secret_value(SecretId=f"{STACK}/{kind}-signing-key")["SecretString"]
            self.assertEqual(json.loads(value)["keyId"], imported[0]["arn"])

    maxDiff = None

    def ok(self, answer, status):
        self.assertEqual(answer[0], status, answer)
        return answer[1]

    def problem(self, answer, status, slug):
        self.assertEqual((answer[0], answer[1]["type"].rsplit("/", 1)[-1]), (status, slug), answer)

    def stage(self, name, **options):
        return self.ok(call("PUT", f"/stages/{name}", "alice", options or None), 201)

    def mint(self, name, user, status=201, **options):
        return self.ok(call("POST", f"/stages/{name}/participants", user, options or None), status)

    def test_health_is_open(self):
        self.assertEqual(self.ok(call("GET", "/health"), 200)["status"], "ok")

    def test_a_token_is_wanted_and_checked(self):
        self.ok(call("GET", "/stages"), 401)
        self.ok(call("GET", "/stages", token="a.b.c"), 401)
        foreign = f"{LOCAL}/_local/token?sub=alice&iss={ISSUER}&aud=somebody-else"
        with urllib.request.urlopen(foreign) as answer:
            self.ok(call("GET", "/stages", token=answer.read().decode().strip()), 401)

    def test_a_stage_is_created_and_then_fetched_by_anybody(self):
        created = self.stage("demo")
        self.assertEqual((created["owner"], created["doors"], created["admission"]), ("alice", "open", "open"))
        self.assertEqual(self.ok(call("PUT", "/stages/demo", "bob"), 200), created)
        self.assertEqual(self.ok(call("GET", "/stages/demo", "bob"), 200), created)
        self.assertEqual([stage["arn"] for stage in stages_named("demo")], [created["arn"]])

    def test_concurrent_callers_get_one_stage(self):
        def create(number):
            # Whoever meets a held claim is told to ask again.
            for _ in range(20):
                answer = call("PUT", "/stages/crowd", f"user-{number}")
                if answer[0] != 503:
                    return answer
            return answer

        with ThreadPoolExecutor(CALLERS) as pool:
            answers = list(pool.map(create, range(CALLERS)))
        self.assertEqual(sorted(status for status, _ in answers), [200] * (CALLERS - 1) + [201], answers)
        self.assertEqual(len({(body["arn"], body["owner"]) for _, body in answers}), 1)
        self.assertEqual([stage["arn"] for stage in stages_named("crowd")], [answers[0][1]["arn"]])

    def test_other_options_are_a_conflict(self):
        self.stage("options")
        self.problem(call("PUT", "/stages/options", "alice", {"admission": "hosted"}), 409, "options-differ")
        self.problem(call("PUT", "/stages/no%20name", "alice"), 400, "invalid-request")

    def test_a_caller_lists_its_own_newest_first_by_pages(self):
        for name in ("one", "two", "three"):
            self.ok(call("PUT", f"/stages/{name}", "carol"), 201)
        page = self.ok(call("GET", "/stages?limit=2", "carol"), 200)
        self.assertEqual([stage["name"] for stage in page["items"]], ["three", "two"])
        rest = self.ok(call("GET", f"/stages?limit=2&cursor={page['cursor']}", "carol"), 200)
        self.assertEqual([stage["name"] for stage in rest["items"]], ["one"])

    def test_the_owner_closes_the_doors(self):
        self.stage("doors")
        self.problem(call("PATCH", "/stages/doors", "bob", {"doors": "closed"}), 403, "not-owner")
        closed = self.ok(call("PATCH", "/stages/doors", "alice", {"doors": "closed"}), 200)
        self.assertEqual(closed["doors"], "closed")
        self.problem(call("POST", "/stages/doors/participants", "bob"), 403, "stage-closed")
        self.mint("doors", "alice")

    def test_a_deleted_stage_is_gone_in_ivs_too(self):
        self.stage("short")
        self.problem(call("DELETE", "/stages/short", "bob"), 403, "not-owner")
        for _ in range(2):
            self.ok(call("DELETE", "/stages/short", "alice"), 204)
        self.problem(call("GET", "/stages/short", "alice"), 404, "not-found")
        self.assertEqual(stages_named("short"), [])

    def test_a_token_is_signed_by_the_function_and_ivs_takes_it(self):
        stage = self.stage("mint")
        before = send(f"{LOCAL}/_local/calls")[1]["next"]
        minted = self.mint("mint", "bob", durationMinutes=90, attributes={"name": "Bob"})
        self.assertEqual((minted["userId"], minted["attributes"]), ("bob", {"name": "Bob"}))
        joined = join(minted["token"])
        self.assertEqual((joined["joined"], joined["participantId"]), (True, minted["participantId"]), joined)
        asked = {made["operation"] for made in send(f"{LOCAL}/_local/calls?since={before}")[1]["calls"]}
        self.assertNotIn("CreateParticipantToken", asked, stage)

    def test_asked_again_the_token_is_the_same(self):
        self.stage("again")
        first = self.mint("again", "bob")
        second = self.mint("again", "bob", 200)
        self.assertEqual({**first, "token": 0}, {**second, "token": 0})
        self.assertTrue(join(second["token"])["joined"])
        self.assertNotEqual(self.mint("again", "bob", renew=True)["participantId"], first["participantId"])

    def test_a_viewer_who_is_promoted_exchanges_the_token(self):
        self.stage("hosted", admission="hosted")
        watching = self.mint("hosted", "bob")
        self.assertEqual(watching["capabilities"], ["SUBSCRIBE"])
        publish = call("POST", "/stages/hosted/participants", "bob", {"capabilities": ["PUBLISH"]})
        self.problem(publish, 403, "capabilities-not-allowed")
        grant = {"capabilities": ["PUBLISH", "SUBSCRIBE"]}
        self.ok(call("PATCH", "/stages/hosted/participants/bob", "alice", grant), 200)
        speaking = self.mint("hosted", "bob", exchange=True)
        self.assertEqual(speaking["participantId"], watching["participantId"])
        self.assertEqual(speaking["capabilities"], ["PUBLISH", "SUBSCRIBE"])
        self.assertTrue(join(speaking["token"])["joined"])

    def test_who_is_removed_cannot_join_until_let_in_again(self):
        self.stage("removal")
        minted = self.mint("removal", "bob")
        self.ok(call("DELETE", "/stages/removal/participants/bob", "alice"), 204)
        self.assertEqual(join(minted["token"])["joined"], False)
        self.problem(call("POST", "/stages/removal/participants", "bob"), 403, "removed")
        self.ok(call("PATCH", "/stages/removal/participants/bob", "alice", {}), 200)
        self.assertTrue(join(self.mint("removal", "bob")["token"])["joined"])

    def test_the_owner_sees_who_holds_a_token_and_no_token(self):
        self.stage("guests")
        for user in ("bob", "carol"):
            self.mint("guests", user)
        page = self.ok(call("GET", "/stages/guests/participants", "alice"), 200)
        self.assertEqual([guest["userId"] for guest in page["items"]], ["carol", "bob"])
        self.assertNotIn("token", json.dumps(page))
        self.problem(call("GET", "/stages/guests/participants", "bob"), 403, "not-owner")


if __name__ == "__main__":
    unittest.main(verbosity=2)
