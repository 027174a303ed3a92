"""The AWS endpoint of the local cloud, used by AWS's own clients and by nobody's mock.

boto3 and the AWS CLI create, list, tag and delete stages, import a public key, mint tokens and read the tables; a token
that Greenroom signed is verified by PyJWT (OpenSSL). Run by tests/official-clients.
"""

import base64
import json
import os
import unittest

import boto3
import jwt
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from local_cloud import aws, call, door

# One attempt: what the endpoint answers is what the test sees.
ONCE = Config(retries={"total_max_attempts": 1})


def client(service, config=ONCE):
    return boto3.client(service, config=config)


def public_key_pem():
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


class Boto3(unittest.TestCase):
    def setUp(self):
        door("POST", "reset")
        operations = ["CreateStage", "ListStages", "GetStage", "DeleteStage", "ImportPublicKey", "GetPublicKey"]
        operations += ["CreateChannel", "ListChannels", "GetStreamKey", "ListStreamKeys"]
        door("PUT", "quotas", dict.fromkeys(operations, 1000))
        self.ivs = client("ivs-realtime")

    def test_a_stage_is_created_fetched_updated_and_deleted(self):
        created = self.ivs.create_stage(name="demo", tags={"team": "video"})["stage"]
        self.assertRegex(created["arn"], r"^arn:aws:ivs:us-east-1:000000000000:stage/\w+$")
        self.assertEqual(created["tags"], {"team": "video"})
        fetched = self.ivs.get_stage(arn=created["arn"])["stage"]
        self.assertEqual(fetched["endpoints"], created["endpoints"])
        self.assertEqual(self.ivs.update_stage(arn=created["arn"], name="renamed")["stage"]["name"], "renamed")
        self.ivs.delete_stage(arn=created["arn"])
        with self.assertRaises(self.ivs.exceptions.ResourceNotFoundException):
            self.ivs.get_stage(arn=created["arn"])

    def test_names_are_not_unique_and_pages_hold_each_stage_once(self):
        arns = {self.ivs.create_stage(name="same")["stage"]["arn"] for _ in range(7)}
        self.assertEqual(len(arns), 7)
        listed, token = [], None
        while True:
            page = self.ivs.list_stages(maxResults=3, **({"nextToken": token} if token else {}))
            listed += [stage["arn"] for stage in page["stages"]]
            token = page.get("nextToken")
            if token is None:
                break
        self.assertEqual(sorted(listed), sorted(arns))

    def test_tags_are_set_and_removed(self):
        arn = self.ivs.create_stage(tags={"a": "1"})["stage"]["arn"]
        self.ivs.tag_resource(resourceArn=arn, tags={"b": "2", "greenroom:stage": "x y"})
        self.ivs.untag_resource(resourceArn=arn, tagKeys=["a"])
        self.assertEqual(
            self.ivs.list_tags_for_resource(resourceArn=arn)["tags"], {"b": "2", "greenroom:stage": "x y"}
        )

    def test_bad_input_and_quotas_fail_as_the_service_model_says(self):
        with self.assertRaises(self.ivs.exceptions.ValidationException) as refused:
            # boto3 checks types, not patterns.
            self.ivs.create_stage(name="no spaces")
        self.assertIn("regular expression", refused.exception.response["exceptionMessage"])
        door("PUT", "quotas", {"stages": 1})
        self.ivs.create_stage()
        with self.assertRaises(self.ivs.exceptions.ServiceQuotaExceededException) as refused:
            self.ivs.create_stage()
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 402)

    def test_a_rate_that_is_exceeded_is_throttled(self):
        door("PUT", "quotas", {"CreateStage": 1})
        with self.assertRaises(ClientError) as refused:
            for _ in range(5):
                self.ivs.create_stage()
        self.assertEqual(refused.exception.response["Error"]["Code"], "ThrottlingException")
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 429)

    def test_a_public_key_is_imported_once_and_three_are_the_limit(self):
        pem = public_key_pem()
        key = self.ivs.import_public_key(publicKeyMaterial=pem, name="mine")["publicKey"]
        self.assertEqual(self.ivs.get_public_key(arn=key["arn"])["publicKey"]["publicKeyMaterial"], pem)
        with self.assertRaises(self.ivs.exceptions.ConflictException):
            self.ivs.import_public_key(publicKeyMaterial=pem)
        self.ivs.import_public_key(publicKeyMaterial=public_key_pem())
        # Greenroom's own, these two, and no more.
        with self.assertRaises(self.ivs.exceptions.ServiceQuotaExceededException):
            self.ivs.import_public_key(publicKeyMaterial=public_key_pem())

    def test_ivs_mints_a_token_that_joins_and_a_disconnect_bars_it(self):
        arn = self.ivs.create_stage()["stage"]["arn"]
        token = self.ivs.create_participant_token(
            stageArn=arn, userId="u-42", duration=60, capabilities=["SUBSCRIBE"], attributes={"role": "guest"}
        )["participantToken"]
        self.assertEqual(token["capabilities"], ["SUBSCRIBE"])

        def join():
            return door("POST", "join", {"token": token["token"]})

        self.assertTrue(join()["joined"])
        session = self.ivs.get_stage(arn=arn)["stage"]["activeSessionId"]
        there = self.ivs.list_participants(stageArn=arn, sessionId=session)["participants"]
        self.assertEqual([(p["userId"], p["state"]) for p in there], [("u-42", "CONNECTED")])
        self.ivs.disconnect_participant(stageArn=arn, participantId=token["participantId"], reason="bye")
        self.assertEqual(join()["name"], "PARTICIPANT_DISCONNECTED")

    def test_a_chat_room_is_created_tagged_listed_and_deleted(self):
        chat = client("ivschat")
        room = chat.create_room(name="demo", tags={"team": "chat"}, maximumMessageLength=100)
        self.assertRegex(room["arn"], r"^arn:aws:ivschat:us-east-1:000000000000:room/\w{12}$")
        self.assertEqual(room["arn"].split("/")[1], room["id"])
        chat.update_room(identifier=room["arn"], maximumMessageRatePerSecond=5)
        fetched = chat.get_room(identifier=room["arn"])
        self.assertEqual((fetched["maximumMessageLength"], fetched["maximumMessageRatePerSecond"]), (100, 5))
        chat.tag_resource(resourceArn=room["arn"], tags={"b": "2"})
        chat.untag_resource(resourceArn=room["arn"], tagKeys=["team"])
        self.assertEqual(chat.list_tags_for_resource(resourceArn=room["arn"])["tags"], {"b": "2"})
        self.assertEqual([listed["arn"] for listed in chat.list_rooms(name="demo")["rooms"]], [room["arn"]])
        token = chat.create_chat_token(roomIdentifier=room["arn"], userId="u", capabilities=["SEND_MESSAGE"])
        self.assertLess(token["tokenExpirationTime"], token["sessionExpirationTime"])
        self.assertEqual(len(chat.send_event(roomIdentifier=room["arn"], eventName="hi")["id"]), 12)
        self.assertEqual(len(chat.delete_message(roomIdentifier=room["arn"], id="a" * 12, reason="no")["id"]), 12)
        chat.disconnect_user(roomIdentifier=room["arn"], userId="u")
        chat.delete_room(identifier=room["arn"])
        with self.assertRaises(chat.exceptions.ResourceNotFoundException) as refused:
            chat.get_room(identifier=room["arn"])
        self.assertEqual(refused.exception.response["resourceType"], "ROOM")

    def test_chat_refuses_as_its_model_says(self):
        chat = client("ivschat")
        with self.assertRaises(chat.exceptions.ValidationException) as refused:
            chat.create_room(name="no spaces")
        self.assertEqual(refused.exception.response["reason"], "FIELD_VALIDATION_FAILED")
        door("PUT", "quotas", {"CreateRoom": 100, "rooms": 1})
        room = chat.create_room()
        with self.assertRaises(chat.exceptions.ServiceQuotaExceededException) as refused:
            chat.create_room()
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 402)
        self.assertEqual(refused.exception.response["limit"], 1)
        door("PUT", "quotas", {"SendEvent": 1})
        with self.assertRaises(chat.exceptions.ThrottlingException) as refused:
            for _ in range(5):
                chat.send_event(roomIdentifier=room["arn"], eventName="hi")
        self.assertEqual(refused.exception.response["ResponseMetadata"]["HTTPStatusCode"], 429)
        self.assertEqual(refused.exception.response["limit"], 1)

    def test_an_invocation_that_lambda_refuses_is_an_exception_of_its_model(self):
        functions = client("lambda")
        elsewhere = "arn:aws:lambda:eu-west-1:000000000000:function:greenroom-StageFunction"
        for name in ["greenroom-StageFunction:live", elsewhere]:
            with self.assertRaises(functions.exceptions.ResourceNotFoundException):
                functions.invoke(FunctionName=name)
        with self.assertRaises(functions.exceptions.InvalidRequestContentException):
            functions.invoke(FunctionName="greenroom-StageFunction", Payload=b"{")
        with self.assertRaises(functions.exceptions.RequestTooLargeException):
            payload = b'"' + b"x" * (1 << 20) + b'"'
            functions.invoke(FunctionName="greenroom-StageFunction", InvocationType="Event", Payload=payload)
        tried = functions.invoke(FunctionName="greenroom-StageFunction", InvocationType="DryRun")
        self.assertEqual(tried["StatusCode"], 204)

    def test_events_are_put_with_a_result_for_each(self):
        bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"
        entry = {"Source": "app", "DetailType": "a thing", "Detail": "{}", "EventBusName": bus}
        wrong = [{"Source": "aws.ivs"}, {"Detail": "no json"}, {"DetailType": ""}]
        answer = client("events").put_events(Entries=[entry] + [entry | change for change in wrong])
        self.assertEqual(answer["FailedEntryCount"], 3)
        codes = [result.get("ErrorCode") for result in answer["Entries"]]
        self.assertEqual(codes, [None, "NotAuthorizedForSourceException", "MalformedDetail", "InvalidArgument"])

    def test_the_tables_hold_what_the_api_made(self):
        status, stage = call("PUT", "/stages/demo", "alice", {})
        self.assertEqual(status, 201)
        table = boto3.resource("dynamodb").Table("greenroom-stages")
        self.assertEqual(table.get_item(Key={"name": "demo"})["Item"]["arn"], stage["arn"])
        dynamodb = client("dynamodb")
        described = dynamodb.describe_table(TableName="greenroom-participants")["Table"]
        self.assertEqual(described["GlobalSecondaryIndexes"][0]["IndexName"], "by-stage")
        ttl = dynamodb.describe_time_to_live(TableName="greenroom-participants")["TimeToLiveDescription"]
        self.assertEqual((ttl["TimeToLiveStatus"], ttl["AttributeName"]), ("ENABLED", "ttl"))
        tags = self.ivs.get_stage(arn=stage["arn"])["stage"]["tags"]
        self.assertEqual((tags["greenroom:stack"], tags["greenroom:stage"]), ("greenroom", "demo"))

    def test_a_token_that_greenroom_signed_verifies_with_the_key_that_ivs_has(self):
        _, stage = call("PUT", "/stages/demo", "alice", {})
        status, answer = call("POST", "/stages/demo/participants", "bob", {"durationMinutes": 30})
        self.assertEqual(status, 201)
        kid = jwt.get_unverified_header(answer["token"])["kid"]
        pem = self.ivs.get_public_key(arn=kid)["publicKey"]["publicKeyMaterial"]
        claims = jwt.decode(answer["token"], pem, algorithms=["ES384"])
        self.assertEqual(claims["exp"] - claims["iat"], 30 * 60)
        del claims["exp"], claims["iat"]
        self.assertEqual(
            claims,
            {
                "jti": answer["participantId"],
                "user_id": "bob",
                "resource": stage["arn"],
                "topic": stage["arn"].split("/")[1],
                "events_url": stage["endpoints"]["events"],
                "whip_url": stage["endpoints"]["whip"],
                "capabilities": {"allow_publish": True, "allow_subscribe": True},
                "version": "1.0",
            },
        )

    def test_a_secret_has_versions_and_says_nothing_without_one(self):
        secrets = client("secretsmanager")
        secrets.create_secret(Name="mine")
        with self.assertRaises(secrets.exceptions.ResourceNotFoundException):
            secrets.get_secret_value(SecretId="mine")
        secrets.put_secret_value(SecretId="mine", SecretString="one")
        secrets.put_secret_value(SecretId="mine", SecretString="two")
        self.assertEqual(secrets.get_secret_value(SecretId="mine")["SecretString"], "two")
        previous = secrets.get_secret_value(SecretId="mine", VersionStage="AWSPREVIOUS")
        self.assertEqual(previous["SecretString"], "one")


class LowLatency(unittest.TestCase):
    """Channels: made by the API and seen by boto3, and the other way round."""

    def setUp(self):
        Boto3.setUp(self)
        self.ivs = client("ivs")

    def test_a_channel_of_the_api_is_the_one_in_ivs(self):
        status, channel = call("PUT", "/channels/demo", "alice", {"private": True})
        self.assertEqual(status, 201)
        listed = self.ivs.list_channels(filterByName="demo")["channels"]
        self.assertEqual([c["arn"] for c in listed], [channel["arn"]])
        seen = self.ivs.get_channel(arn=channel["arn"])["channel"]
        self.assertEqual(seen["playbackUrl"], channel["playbackUrl"])
        self.assertEqual(f"rtmps://{seen['ingestEndpoint']}/app/", channel["ingestUrl"])
        self.assertTrue(seen["authorized"])
        _, given = call("GET", "/channels/demo/stream-key", "alice")
        (key,) = self.ivs.list_stream_keys(channelArn=channel["arn"])["streamKeys"]
        value = self.ivs.get_stream_key(arn=key["arn"])["streamKey"]["value"]
        self.assertEqual(given["streamKey"], value)
        _, rotated = call("POST", "/channels/demo/stream-key", "alice", {})
        with self.assertRaises(self.ivs.exceptions.ResourceNotFoundException):
            self.ivs.get_stream_key(arn=key["arn"])
        (key,) = self.ivs.list_stream_keys(channelArn=channel["arn"])["streamKeys"]
        self.assertEqual(self.ivs.get_stream_key(arn=key["arn"])["streamKey"]["value"], rotated["streamKey"])
        status, _ = call("DELETE", "/channels/demo", "alice")
        self.assertEqual((status, self.ivs.list_channels()["channels"]), (204, []))

    def test_a_channel_has_one_key_and_names_are_not_unique(self):
        created = self.ivs.create_channel(name="same", type="BASIC")
        other = self.ivs.create_channel(name="same")["channel"]
        self.assertNotEqual(created["channel"]["arn"], other["arn"])
        with self.assertRaises(self.ivs.exceptions.ServiceQuotaExceededException):
            self.ivs.create_stream_key(channelArn=other["arn"])
        with self.assertRaises(self.ivs.exceptions.ChannelNotBroadcasting):
            self.ivs.get_stream(channelArn=other["arn"])

    def test_a_broadcast_is_a_stream_and_a_session(self):
        arn = self.ivs.create_channel(name="live")["channel"]["arn"]
        door = f"/_local/channels/{arn.rsplit('/', 1)[1]}/live"
        self.assertEqual(call("PUT", door, "alice", {"viewerCount": 3})[0], 200)
        stream = self.ivs.get_stream(channelArn=arn)["stream"]
        self.assertEqual((stream["state"], stream["health"], stream["viewerCount"]), ("LIVE", "HEALTHY", 3))
        self.assertEqual([s["streamId"] for s in self.ivs.list_streams()["streams"]], [stream["streamId"]])
        session = self.ivs.get_stream_session(channelArn=arn, streamId=stream["streamId"])["streamSession"]
        self.assertEqual([e["name"] for e in session["truncatedEvents"]], ["Stream Start", "Session Created"])
        self.assertEqual(session["startTime"], stream["startTime"])
        self.assertEqual((session["channel"]["arn"], "endTime" in session), (arn, False))
        self.ivs.stop_stream(channelArn=arn)
        (summary,) = self.ivs.list_stream_sessions(channelArn=arn)["streamSessions"]
        self.assertEqual((summary["streamId"], summary["hasErrorEvent"]), (stream["streamId"], False))
        self.assertIn("endTime", summary)
        with self.assertRaises(self.ivs.exceptions.ChannelNotBroadcasting):
            self.ivs.stop_stream(channelArn=arn)
        self.ivs.delete_channel(arn=arn)

    def test_a_playback_token_verifies_with_the_imported_key(self):
        private = ec.generate_private_key(ec.SECP384R1())
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        arn = self.ivs.import_playback_key_pair(publicKeyMaterial=public.decode())["keyPair"]["arn"]
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        secret = json.dumps({"keyId": arn, "privateKey": pem.decode()})
        client("secretsmanager").put_secret_value(SecretId="greenroom/playback-signing-key", SecretString=secret)
        _, channel = call("PUT", "/channels/demo", "alice", {"private": True})
        status, given = call("POST", "/channels/demo/playback-tokens", "bob", {"viewerId": "bob"})
        self.assertEqual(status, 201)
        claims = jwt.decode(given["token"], public, algorithms=["ES384"])
        del claims["exp"]
        self.assertEqual(claims, {"aws:channel-arn": channel["arn"], "aws:viewer-id": "bob"})


class Cli(unittest.TestCase):
    setUp = Boto3.setUp

    def test_the_cli_creates_lists_tags_and_deletes_a_stage(self):
        arn = aws("ivs-realtime", "create-stage", "--name", "cli", "--tags", "a=1")["stage"]["arn"]
        self.assertEqual([s["arn"] for s in aws("ivs-realtime", "list-stages")["stages"]], [arn])
        aws("ivs-realtime", "tag-resource", "--resource-arn", arn, "--tags", "b=2")
        tags = aws("ivs-realtime", "list-tags-for-resource", "--resource-arn", arn)["tags"]
        self.assertEqual(tags, {"a": "1", "b": "2"})
        token = aws("ivs-realtime", "create-participant-token", "--stage-arn", arn, "--user-id", "cli")
        self.assertEqual(token["participantToken"]["userId"], "cli")
        aws("ivs-realtime", "delete-stage", "--arn", arn)
        self.assertEqual(aws("ivs-realtime", "list-stages")["stages"], [])

    def test_the_cli_imports_a_public_key(self):
        key = aws("ivs-realtime", "import-public-key", "--public-key-material", public_key_pem())["publicKey"]
        listed = aws("ivs-realtime", "list-public-keys")["publicKeys"]
        self.assertIn(key["arn"], [known["arn"] for known in listed])

    def test_the_cli_reads_the_tables_and_knows_who_it_is(self):
        call("PUT", "/stages/demo", "alice", {})
        rows = aws("dynamodb", "scan", "--table-name", "greenroom-stages")
        # Beside the stage, how many its owner has.
        self.assertEqual(sorted(row["name"]["S"] for row in rows["Items"]), ["#owner/alice", "demo"])
        self.assertEqual(aws("sts", "get-caller-identity")["Account"], "000000000000")

    def test_the_cli_invokes_a_function_with_an_event_of_the_repository(self):
        event = os.path.join(os.path.dirname(__file__), "..", "events", "stage", "health.json")
        out = os.path.join(os.environ["SCRATCH"], "answer.json")
        aws("lambda", "invoke", "--function-name", "StageFunction", "--payload", f"fileb://{event}", out)
        with open(out) as answer:
            self.assertEqual(json.load(answer)["statusCode"], 200)

    def test_the_cli_shows_the_log_of_an_invocation(self):
        event = os.path.join(os.path.dirname(__file__), "..", "events", "stage", "health.json")
        out = os.path.join(os.environ["SCRATCH"], "answer.json")
        name = "arn:aws:lambda:us-east-1:000000000000:function:greenroom-StageFunction:$LATEST"
        said = aws("lambda", "invoke", "--function-name", name, "--log-type", "Tail", "--payload", f"fileb://{event}", out)
        self.assertEqual(said["ExecutedVersion"], "$LATEST")
        self.assertIn("GET /health", base64.b64decode(said["LogResult"]).decode())


if __name__ == "__main__":
    unittest.main(verbosity=2)
