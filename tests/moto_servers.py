"""Transwrap servers against moto: another team's ECS and EC2 are judges of our adapters, too.

Run by tests/official-clients with MOTO set: to the functions, ECS and EC2 are moto's (`--endpoint ECS=...` and
`--endpoint EC2=...`), and everything else is the local cloud's. moto runs in the local cloud's account.

What moto does otherwise than ECS: a task runs at once, moves a state further with every DescribeTasks (it is told not
to), has no zone and no times, sends no events, and gets no public address by itself. Nor has it a `version`, which the
SDK reads as 0; so the events here, which tell of it before moto is asked again, say an earlier one.
"""

import json
import os
import unittest
import urllib.request

import boto3
from local_cloud import door, redrive, servers

MOTO = os.environ["MOTO"]
BEFORE_ASKED = -1


def moto(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(f"{MOTO}/moto-api/{path}", method="POST", data=data)).close()


class Servers(unittest.TestCase):
    def setUp(self):
        door("POST", "reset")
        moto("reset")
        # As many DescribeTasks as there may be here move no task.
        transition = {"progression": "manual", "times": 1_000_000}
        moto("state-manager/set-transition", {"model_name": "ecs::task", "transition": transition})
        self.ecs, self.ec2 = (boto3.client(service, endpoint_url=MOTO) for service in ["ecs", "ec2"])
        self.ecs.create_cluster(clusterName="transwrap")
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]
        self.group = self.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]

    def run_task(self, family="transwrap"):
        """Runs a task that has no public address."""
        self.ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "transwrap", "image": "example/transwrap", "memory": 512}],
        )
        network = {"subnets": [self.subnet["SubnetId"]], "securityGroups": [self.group["GroupId"]]}
        (task,) = self.ecs.run_task(
            cluster="transwrap",
            taskDefinition=family,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {**network, "assignPublicIp": "ENABLED"}},
        )["tasks"]
        return task["taskArn"]

    def give_public_address(self, arn):
        """Does what Fargate does for `assignPublicIp`, and gives the address."""
        (attachment,) = self.describe(arn)["attachments"]
        (interface,) = (item["value"] for item in attachment["details"] if item["name"] == "networkInterfaceId")
        address = self.ec2.allocate_address(Domain="vpc")
        self.ec2.associate_address(AllocationId=address["AllocationId"], NetworkInterfaceId=interface)
        return address["PublicIp"]

    def describe(self, arn):
        (task,) = self.ecs.describe_tasks(cluster="transwrap", tasks=[arn])["tasks"]
        return task

    def send_event(self, arn):
        """Sends the event that ECS would send of the task as it is, and gives its deliveries."""
        task = self.describe(arn)
        self.assertNotIn("version", task)
        task["version"] = BEFORE_ASKED
        for attachment in task["attachments"]:
            # The API's word, and the events'.
            self.assertEqual(attachment["type"], "ElasticNetworkInterface")
            attachment["type"] = "eni"
        event = {"source": "aws.ecs", "detail-type": "ECS Task State Change", "resources": [arn], "detail": task}
        # Events have times as texts.
        event = json.loads(json.dumps(event, default=lambda time: time.isoformat()))
        return door("POST", "events?wait=true", event)["deliveries"]

    def reconcile(self):
        # moto's IVS does not list streams.
        answer = boto3.client("lambda").invoke(FunctionName="ReconcilerFunction", Payload=b'{"only": "servers"}')
        self.assertEqual((answer["StatusCode"], answer.get("FunctionError")), (200, None), answer["Payload"].read())

    def listed(self):
        """The address of every server that is listed, by its task's id."""
        return {task: server["publicIp"] for task, server in servers().items()}

    def test_an_event_lists_a_server_and_the_reconciler_alone_takes_it_off(self):
        arn = self.run_task()
        self.assertTrue(arn.startswith("arn:aws:ecs:us-east-1:000000000000:task/transwrap/"), arn)
        address = self.give_public_address(arn)
        (delivery,) = self.send_event(arn)
        self.assertTrue(delivery["ok"], delivery)
        self.assertEqual(self.listed(), {task_id(arn): address})
        self.reconcile()
        self.assertEqual(self.listed(), {task_id(arn): address})
        self.ecs.stop_task(cluster="transwrap", task=arn)
        self.assertEqual(self.listed(), {task_id(arn): address})
        self.reconcile()
        self.assertEqual(self.listed(), {})

    def test_the_reconciler_alone_lists_servers_and_only_those(self):
        expected = {}
        for _ in range(3):
            arn = self.run_task()
            expected[task_id(arn)] = self.give_public_address(arn)
        # Of another group, and without an address.
        self.give_public_address(self.run_task(family="other"))
        self.run_task()
        self.reconcile()
        self.assertEqual(self.listed(), expected)

    def test_an_event_that_comes_before_the_address_fails_until_the_reconciler_finds_it(self):
        arn = self.run_task()
        (delivery,) = self.send_event(arn)
        self.assertEqual((delivery["attempts"], delivery["onFailure"]), (3, "greenroom-FailedTaskEvents"))
        self.assertEqual(self.listed(), {})
        address = self.give_public_address(arn)
        self.reconcile()
        self.assertEqual(self.listed(), {task_id(arn): address})

    def test_such_an_event_is_redriven_with_the_names_that_the_stack_puts_out(self):
        urls = boto3.client("sqs").list_queues()["QueueUrls"]
        values = {f"{url.rsplit('-', 1)[-1]}Url": url for url in urls}
        values["TaskTrackerFunctionName"] = "TaskTrackerFunction"
        outputs = {name: {"Value": value} for name, value in values.items()}
        # moto makes no stack without a resource.
        template = {"Resources": {"Any": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
        cloudformation = boto3.client("cloudformation", endpoint_url=MOTO)
        cloudformation.create_stack(StackName="greenroom", TemplateBody=json.dumps(template))
        arn = self.run_task()
        self.send_event(arn)
        address = self.give_public_address(arn)
        status, lines, complaint = redrive("--stack", "greenroom", AWS_ENDPOINT_URL_CLOUDFORMATION=MOTO)
        self.assertEqual((status, lines[-1:], complaint), (0, ["1 redriven, 0 left"], ""))
        self.assertEqual(self.listed(), {task_id(arn): address})


def task_id(arn):
    return arn.rsplit("/", 1)[-1]


if __name__ == "__main__":
    unittest.main(verbosity=2)
