"""Channels against moto: another team's IVS is a judge of our adapter, too.

Run by tests/official-clients with MOTO set: the channel function's IVS is moto's (`--endpoint IVS=...`), and its table
the local cloud's. moto has no operations for stream keys, so what is shown here is create, fetch, list and delete.
"""

import os
import unittest

import boto3
from local_cloud import call


class Channels(unittest.TestCase):
    def setUp(self):
        self.ivs = boto3.client("ivs", endpoint_url=os.environ["MOTO"])

    def test_a_channel_is_created_once_fetched_listed_and_deleted(self):
        options = {"type": "BASIC", "latencyMode": "NORMAL", "private": True}
        status, channel = call("PUT", "/channels/demo", "alice", options)
        self.assertEqual(status, 201, channel)
        (seen,) = self.ivs.list_channels(filterByName="demo")["channels"]
        self.assertEqual(seen["arn"], channel["arn"])
        self.assertEqual((seen["tags"]["greenroom:stack"], seen["tags"]["greenroom:channel"]), ("greenroom", "demo"))
        inside = self.ivs.get_channel(arn=channel["arn"])["channel"]
        self.assertEqual((inside["type"], inside["latencyMode"], inside["authorized"]), ("BASIC", "NORMAL", True))
        self.assertEqual(call("PUT", "/channels/demo", "bob", {})[0], 200)
        self.assertEqual(call("GET", "/channels", "alice")[1]["items"], [channel])
        status, key = call("GET", "/channels/demo/stream-key", "alice")
        self.assertEqual((status, bool(key["streamKey"])), (200, True))
        self.assertEqual(call("DELETE", "/channels/demo", "alice")[0], 204)
        self.assertEqual(self.ivs.list_channels(filterByName="demo")["channels"], [])
        self.assertEqual(call("DELETE", "/channels/demo", "alice")[0], 204)

    def test_a_channel_that_is_gone_in_ivs_can_be_deleted(self):
        _, channel = call("PUT", "/channels/gone", "alice", {})
        self.ivs.delete_channel(arn=channel["arn"])
        self.assertEqual(call("DELETE", "/channels/gone", "alice")[0], 204)
        self.assertEqual(call("GET", "/channels/gone", "alice")[0], 404)


if __name__ == "__main__":
    unittest.main(verbosity=2)
