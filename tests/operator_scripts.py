"""scripts/hand-over and scripts/end-resources as an operator runs them: on the local cloud, with moto's CloudFormation.

Run by tests/official-clients with MOTO set.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import boto3
from local_cloud import call, door, send, until

MOTO = os.environ["MOTO"]
SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts")
QUOTAS = ["CreateStage", "ListStages", "DeleteStage", "CreateChannel", "ListChannels", "DeleteChannel", "StopStream"]
SETTINGS = {
    "kind": "custom",
    "ingestUrl": "rtmps://ingest.example.com/app",
    "streamKey": "operator-secret",
    "playbackUrl": "https://playback.example.com/live.m3u8",
}


def run(script, *options, **variables):
    """Exit status, lines, and what it complains of."""
    command = [sys.executable, os.path.join(SCRIPTS, script), "--stack", "greenroom", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env={**os.environ, **variables})
    return done.returncode, done.stdout.splitlines(), done.stderr


def made(method, path, user, body=None):
    status, answer = call(method, path, user, body)
    if status not in (200, 201, 204):
        raise AssertionError(f"{method} {path} by {user}: {status} {answer}")
    return answer


def names(kind, user):
    """What a user's own list has; an index may be behind."""
    return sorted(item["name"] for item in made("GET", f"/{kind}", user)["items"])


class OperatorScript(unittest.TestCase):
    def setUp(self):
        door("POST", "reset")
        door("PUT", "quotas", dict.fromkeys(QUOTAS, 1000))
        self.dynamodb = boto3.client("dynamodb")

    def row(self, table, **key):
        got = self.dynamodb.get_item(TableName=f"greenroom-{table}", Key={name: {"S": value} for name, value in key.items()})
        return got.get("Item")

    def count(self, table, user):
        """How many names a user has by their counter."""
        counter = self.row(table, name=f"#owner/{user}")
        return int(counter["count"]["N"]) if counter else 0


class HandOver(OperatorScript):
    def hand_over(self, *options):
        status, lines, complaint = run("hand-over", *(options or ("--from", "old", "--to", "new")))
        self.assertEqual(complaint, "")
        self.assertFalse(any("operator-secret" in line for line in lines), lines)
        return status, lines

    def test_what_a_user_owns_becomes_another_users_and_a_second_run_moves_nothing(self):
        for kind in ("stages", "channels"):
            for name in ("one", "two"):
                made("PUT", f"/{kind}/{name}", "old", {})
            made("PUT", f"/{kind}/others", "somebody", {})
        made("PUT", "/broadcast-settings", "old", SETTINGS)
        key = made("GET", "/channels/one/stream-key", "old")
        made("PATCH", "/stages/others/participants/old", "somebody", {"capabilities": ["SUBSCRIBE"]})
        status, lines = self.hand_over("--from", "old", "--to", "new", "--dry-run")
        self.assertEqual((status, lines[-1]), (0, "6 would be moved, 0 left"))
        self.assertEqual(call("GET", "/channels/one/stream-key", "new")[0], 403)

        status, lines = self.hand_over()
        self.assertEqual((status, lines[-1]), (0, "6 moved, 0 left"))
        for kind in ("stages", "channels"):
            until(lambda: (names(kind, "new"), names(kind, "old")) == (["one", "two"], []))
            self.assertEqual(names(kind, "somebody"), ["others"])
        self.assertEqual(made("GET", "/channels/one/stream-key", "new"), key)
        self.assertEqual(call("GET", "/channels/one/stream-key", "old")[0], 403)
        made("PATCH", "/stages/one", "new", {"doors": "closed"})
        self.assertEqual(call("DELETE", "/stages/two", "old")[0], 403)
        made("DELETE", "/stages/two", "new")
        self.assertEqual(made("GET", "/broadcast-settings", "new")["streamKey"], SETTINGS["streamKey"])
        self.assertEqual(call("GET", "/broadcast-settings", "old")[0], 404)
        granted = self.row("participants", stage="others", userId="new")
        self.assertEqual(granted["grantedCapabilities"]["L"], [{"S": "SUBSCRIBE"}])
        self.assertEqual(self.hand_over()[1], ["0 moved, 0 left"])

    def test_who_was_removed_does_not_come_in_as_another_user(self):
        made("PUT", "/stages/demo", "somebody", {})
        made("DELETE", "/stages/demo/participants/old", "somebody")
        self.assertEqual(self.hand_over()[1][-1], "1 moved, 0 left")
        self.assertEqual(call("POST", "/stages/demo/participants", "new", {})[0], 403)

    def test_who_was_removed_is_so_even_if_they_joined_as_another_user_before(self):
        made("PUT", "/stages/demo", "somebody", {})
        made("DELETE", "/stages/demo/participants/old", "somebody")
        for body in ({}, {"device": "phone"}):
            made("POST", "/stages/demo/participants", "new", body)
        said = "removed on demo: old: {}moved, and the tokens that new has go on until they end, new begins to publish, or the owner removes new"
        status, lines = self.hand_over("--from", "old", "--to", "new", "--dry-run")
        self.assertEqual((status, lines), (0, [said.format("would be "), "1 would be moved, 0 left"]))
        self.assertEqual(self.row("participants", stage="demo", userId="new")["standing"]["S"], "unspoken")
        self.assertEqual(self.hand_over(), (0, [said.format(""), "1 moved, 0 left"]))
        self.assertEqual(call("POST", "/stages/demo/participants", "new", {})[0], 403)
        # What was said is not to end with the tokens, which can still be disconnected.
        row = self.row("participants", stage="demo", userId="new")
        self.assertTrue("ttl" not in row and {"token", "devices"} <= row.keys(), row)
        self.assertEqual(self.hand_over()[1], ["0 moved, 0 left"])
        made("DELETE", "/stages/demo/participants/new", "somebody")
        self.assertFalse({"token", "devices"} & self.row("participants", stage="demo", userId="new").keys())

    def test_a_grant_binds_who_joined_as_another_user_before(self):
        made("PUT", "/stages/demo", "somebody", {})
        made("PATCH", "/stages/demo/participants/old", "somebody", {"capabilities": ["SUBSCRIBE"]})
        before = made("POST", "/stages/demo/participants", "new", {})
        self.assertIn("PUBLISH", before["capabilities"])
        self.assertEqual(self.hand_over()[1], ["granted on demo: old: moved", "1 moved, 0 left"])
        self.assertEqual(made("POST", "/stages/demo/participants", "new", {})["capabilities"], ["SUBSCRIBE"])

    def test_what_the_new_user_has_stays(self):
        for user in ("old", "new"):
            made("PUT", "/broadcast-settings", user, SETTINGS | {"streamKey": f"operator-secret-{user}"})
        made("PUT", "/stages/demo", "somebody", {})
        made("DELETE", "/stages/demo/participants/old", "somebody")
        made("PATCH", "/stages/demo/participants/new", "somebody", {"capabilities": ["SUBSCRIBE"]})
        status, lines = self.hand_over()
        self.assertEqual((status, lines), (0, ["broadcast settings of old: kept, since new has some", "0 moved, 0 left"]))
        self.assertEqual(made("GET", "/broadcast-settings", "new")["streamKey"], "operator-secret-new")
        self.assertEqual(made("POST", "/stages/demo/participants", "new", {})["capabilities"], ["SUBSCRIBE"])

    def test_many_users_are_handed_over_in_one_run_and_a_run_that_was_cut_short_is_repeated(self):
        users = {f"old-{number}": f"new-{number}" for number in range(5)}
        for user in users:
            made("PUT", f"/stages/of-{user}", user, {})
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(users, file)
            file.flush()
            # Of the five, the third cannot be moved.
            door("PUT", "faults", {"service": "dynamodb", "operation": "TransactWriteItems", "nth": 3, "times": 100,
                                   "fault": {"kind": "error", "status": 400, "code": "AccessDeniedException"}})
            status, lines, complaint = run("hand-over", "--pairs", file.name)
            self.assertEqual((status, len(lines)), (2, 2), complaint)
            send("DELETE", "/_local/faults")
            self.assertEqual(self.hand_over("--pairs", file.name)[1][-1], "3 moved, 0 left")
        for user, new in users.items():
            until(lambda: names("stages", new) == [f"of-{user}"])

    def test_counts_of_owners_move_with_what_they_count(self):
        made("PUT", "/stages/demo", "old", {})
        made("PUT", "/stages/mine", "new", {})
        self.assertEqual((self.count("stages", "old"), self.count("stages", "new")), (1, 1))
        self.assertEqual(self.hand_over()[0], 0)
        self.assertEqual((self.count("stages", "old"), self.count("stages", "new")), (0, 2))
        self.assertEqual(self.hand_over()[0], 0)
        self.assertEqual((self.count("stages", "old"), self.count("stages", "new")), (0, 2))

    def test_a_count_of_none_is_not_taken_off_and_what_it_counted_is_moved(self):
        for name in ("one", "two"):
            made("PUT", f"/stages/{name}", "old", {})
        # One is counted, of two.
        counter = {"name": {"S": "#owner/old"}, "count": {"N": "1"}}
        self.dynamodb.put_item(TableName="greenroom-stages", Item=counter)
        status, lines = self.hand_over()
        self.assertEqual((status, lines[-1]), (0, "2 moved, 0 left"))
        self.assertEqual((self.count("stages", "old"), self.count("stages", "new")), (0, 2))

    def test_what_is_being_deleted_is_left_and_said(self):
        made("PUT", "/stages/demo", "old", {})
        door("PUT", "faults", {"service": "ivs", "operation": "DeleteStage", "fault": {"kind": "throttle"}, "times": 10})
        call("DELETE", "/stages/demo", "old")
        status, lines = self.hand_over()
        self.assertEqual((status, lines[-1]), (1, "0 moved, 1 left"))
        self.assertIn("deleting", lines[0])

    def test_who_hands_over_and_receives_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"a": "b", "b": "c"}, file)
            file.flush()
            status, lines, complaint = run("hand-over", "--pairs", file.name)
        self.assertEqual((status, lines), (2, []))
        self.assertIn("b: hands over and receives", complaint)


class EndResources(OperatorScript):
    def setUp(self):
        super().setUp()
        self.cloudformation = boto3.client("cloudformation", endpoint_url=MOTO)
        self.cloudformation.delete_stack(StackName="greenroom")
        self.ivs, self.channels = boto3.client("ivs-realtime"), boto3.client("ivs")

    def end(self, *options):
        return run("end-resources", *options, AWS_ENDPOINT_URL_CLOUDFORMATION=MOTO)

    def there(self):
        stages = self.ivs.list_stages()["stages"]
        return sorted(item["name"] for item in [*stages, *self.channels.list_channels()["channels"]])

    def make(self):
        made("PUT", "/stages/stage", "alice", {})
        made("PUT", "/channels/channel", "alice", {})
        self.ivs.create_stage(name="others", tags={"greenroom:stack": "green"})
        self.channels.create_channel(name="untagged")

    def test_it_says_what_there_is_and_ends_nothing_unless_the_name_is_said_twice(self):
        self.make()
        status, lines, complaint = self.end()
        self.assertEqual((status, lines[-1], complaint), (1, "0 ended, 2 left", ""))
        status, lines, complaint = self.end("--end", "greenrom")
        self.assertEqual((status, lines), (2, []))
        self.assertEqual(self.there(), ["channel", "others", "stage", "untagged"])

    def test_it_ends_what_bears_the_stacks_tag_and_nothing_else(self):
        self.make()
        channel = next(item["arn"] for item in self.channels.list_channels()["channels"] if item["name"] == "channel")
        send("PUT", f"/_local/channels/{channel.rsplit('/', 1)[-1]}/live")
        status, lines, complaint = self.end("--end", "greenroom")
        self.assertEqual((status, lines[-1], complaint), (0, "2 ended, 0 left", ""))
        self.assertEqual(self.there(), ["others", "untagged"])
        self.assertEqual(self.end("--end", "greenroom")[:2], (0, ["0 ended, 0 left"]))

    def test_while_the_stack_is_there_nothing_is_ended(self):
        self.make()
        template = {"Resources": {"Any": {"Type": "AWS::SQS::Queue"}}}
        self.cloudformation.create_stack(StackName="greenroom", TemplateBody=json.dumps(template))
        status, lines, complaint = self.end("--end", "greenroom")
        self.assertEqual((status, lines), (2, []))
        self.assertIn("sam delete", complaint)
        self.assertEqual(self.there(), ["channel", "others", "stage", "untagged"])
        self.cloudformation.delete_stack(StackName="greenroom")

    def test_a_listing_that_fails_ends_nothing(self):
        self.make()
        door("PUT", "faults", {"service": "ivs", "operation": "ListChannels", "times": 100,
                               "fault": {"kind": "error", "status": 403, "code": "AccessDeniedException"}})
        status, lines, _ = self.end("--end", "greenroom")
        send("DELETE", "/_local/faults")
        self.assertEqual((status, lines), (2, []))
        self.assertEqual(self.there(), ["channel", "others", "stage", "untagged"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
