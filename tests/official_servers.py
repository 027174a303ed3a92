"""Transwrap servers, as AWS's own clients start and stop them, and the dead letters of their events.

boto3 and the AWS CLI run tasks in the local cloud's ECS; `GET /servers` shows what the task tracker and the reconciler
make of that. scripts/redrive is run as an operator runs it. Run by tests/official-clients.
"""

import signal
import tempfile
import unittest

import boto3
from local_cloud import aws, door, redrive, servers, until

CONTAINERS = [{"name": "transwrap", "image": "example/transwrap"}]
NETWORK = {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}


def task_id(task):
    return task["taskArn"].rsplit("/", 1)[-1]


class DeadLetters(unittest.TestCase):
    def setUp(self):
        door("POST", "reset")
        # Tasks move when they are told to, and no event comes by itself.
        door("PUT", "ecs/clock", {"mode": "manual"})
        self.ecs, self.sqs = boto3.client("ecs"), boto3.client("sqs")
        self.ecs.create_cluster(clusterName="transwrap")
        self.ecs.register_task_definition(
            family="transwrap",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=CONTAINERS,
        )
        urls = self.sqs.list_queues()["QueueUrls"]
        self.failed, self.undelivered = (
            next(url for url in urls if url.endswith(name)) for name in ["FailedTaskEvents", "UndeliveredTaskEvents"]
        )

    def tearDown(self):
        door("DELETE", "faults")
        door("PUT", "ecs/clock", {"mode": "automatic"})

    def fault(self, service, operation, fault):
        """Has every such call fail, until the fault of this id is deleted."""
        order = {"service": service, "operation": operation, "times": None, "fault": fault}
        return door("PUT", "faults", order)["id"]

    def ec2_fails(self):
        return self.fault("ec2", "DescribeNetworkInterfaces", {"kind": "error", "status": 503, "code": "Unavailable"})

    def run_task(self):
        """Starts a task, lets it run, and gives its id and the delivery of the event that says so."""
        (task,) = self.ecs.run_task(
            cluster="transwrap",
            taskDefinition="transwrap",
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": NETWORK},
        )["tasks"]
        (delivery,) = door("POST", "ecs/tick?wait=true", {"task": task_id(task), "steps": 9})["deliveries"]
        return task_id(task), delivery

    def redrive(self, *options):
        """Runs the script on both queues, and gives its exit status and its lines."""
        queues = ["--queue", self.failed, "--queue", self.undelivered]
        status, lines, complaint = redrive("--function", "TaskTrackerFunction", *queues, *options)
        self.assertEqual(complaint, "")
        return status, lines

    def messages(self, queue):
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"]
        return tuple(int(attributes[count]) for count in counts)

    def test_dead_letters_of_both_kinds_are_left_while_the_cause_lasts_and_redriven_after(self):
        self.ec2_fails()
        first, delivery = self.run_task()
        self.assertEqual((delivery["attempts"], delivery["onFailure"]), (3, "greenroom-FailedTaskEvents"))
        no_handover = self.fault("lambda", "Invoke", {"kind": "throttle"})
        second, delivery = self.run_task()
        self.assertEqual((delivery["attempts"], delivery["deadLettered"]), (0, "greenroom-UndeliveredTaskEvents"))
        door("DELETE", f"faults/{no_handover}")
        self.assertEqual((self.messages(self.failed), self.messages(self.undelivered)), ((1, 0), (1, 0)))

        status, lines = self.redrive("--dry-run")
        self.assertEqual((status, lines[-1]), (1, "0 redriven, 2 left"))
        self.assertIn("left: dry run; failed: Unavailable: ", lines[0])
        self.assertIn("left: dry run; not accepted: THROTTLING: TooManyRequestsException", lines[1])
        status, lines = self.redrive()
        self.assertEqual((status, lines[-1]), (1, "0 redriven, 2 left"))
        for line, queue, task in zip(lines, ["FailedTaskEvents", "UndeliveredTaskEvents"], [first, second]):
            expected = f"greenroom-{queue}: task {task} version 3 RUNNING: left: the function failed: Unavailable: "
            self.assertTrue(line.startswith(expected), line)
        self.assertEqual((self.messages(self.failed), self.messages(self.undelivered)), ((1, 0), (1, 0)))
        self.assertEqual(servers(), {})

        door("DELETE", "faults")
        status, lines = self.redrive()
        expected = [
            f"greenroom-FailedTaskEvents: task {first} version 3 RUNNING: redriven",
            f"greenroom-UndeliveredTaskEvents: task {second} version 3 RUNNING: redriven",
            "2 redriven, 0 left",
        ]
        self.assertEqual((status, lines), (0, expected))
        self.assertEqual((self.messages(self.failed), self.messages(self.undelivered)), ((0, 0), (0, 0)))
        self.assertEqual(servers().keys(), {first, second})
        self.assertEqual(self.redrive(), (0, ["0 redriven, 0 left"]))

    def test_a_dead_letter_of_a_server_that_has_stopped_since_does_not_bring_it_back(self):
        self.ec2_fails()
        task, _ = self.run_task()
        door("DELETE", "faults")
        self.ecs.stop_task(cluster="transwrap", task=task)
        door("POST", "ecs/tick?wait=true", {"task": task, "steps": 9})
        self.assertEqual(self.redrive()[0], 0)
        self.assertEqual(servers(), {})

    def test_a_message_that_holds_no_event_is_left_and_keeps_no_other_from_its_way(self):
        for body in ["hello", '{"requestPayload": null}', '["detail-type"]']:
            self.sqs.send_message(QueueUrl=self.failed, MessageBody=body)
        self.ec2_fails()
        task, _ = self.run_task()
        door("DELETE", "faults")
        status, lines = self.redrive()
        self.assertEqual((status, lines[-1]), (1, "1 redriven, 3 left"))
        self.assertTrue(all(line.endswith("left: it holds no event") for line in lines[:3]), lines)
        self.assertEqual((self.messages(self.failed), servers().keys()), ((3, 0), {task}))

    def test_messages_that_somebody_else_has_in_hand_are_not_passed_over_in_silence(self):
        self.sqs.send_message(QueueUrl=self.failed, MessageBody="hello")
        self.sqs.receive_message(QueueUrl=self.failed)
        status, lines = self.redrive()
        self.assertEqual((status, lines[0]), (1, "0 redriven, 0 left"))
        self.assertIn("greenroom-FailedTaskEvents: about 1 more were hidden", lines[1])

    def test_a_run_that_is_interrupted_gives_back_what_it_has_in_hand(self):
        self.ec2_fails()
        self.run_task()
        door("DELETE", "faults")
        # Longer than the function waits, so that the run is in the midst of an invocation.
        self.fault("ec2", "DescribeNetworkInterfaces", {"kind": "latency", "ms": 60_000})

        def interrupt(process):
            until(lambda: door("GET", "faults")["faults"][0]["fired"])
            self.assertEqual(self.messages(self.failed), (0, 1))
            process.send_signal(signal.SIGINT)

        queues = ["--queue", self.failed]
        answer = redrive("--function", "TaskTrackerFunction", *queues, meanwhile=interrupt)
        self.assertEqual(answer, (2, ["0 redriven, 1 left"], "interrupted\n"))
        self.assertEqual(self.messages(self.failed), (1, 0))

    def test_a_run_that_cannot_be_made_touches_no_message(self):
        self.sqs.send_message(QueueUrl=self.failed, MessageBody="hello")
        status, lines, complaint = redrive("--function", "NoFunction", "--queue", self.failed)
        self.assertEqual((status, lines), (2, []))
        self.assertIn("Function not found", complaint)
        (message,) = self.sqs.receive_message(QueueUrl=self.failed, MessageSystemAttributeNames=["All"])["Messages"]
        self.assertEqual(message["Attributes"]["ApproximateReceiveCount"], "1")


class Cli(unittest.TestCase):
    def setUp(self):
        door("POST", "reset")
        door("PUT", "ecs/clock", {"mode": "automatic", "stepMs": 50})

    def tearDown(self):
        door("PUT", "ecs/clock", {"mode": "automatic"})

    def run_task(self):
        cluster = ["--cluster", "transwrap"]
        aws("ecs", "create-cluster", "--cluster-name", "transwrap")
        definition = ["--network-mode", "awsvpc", "--requires-compatibilities", "FARGATE", "--cpu", "256"]
        definition += ["--memory", "512", "--container-definitions", "name=transwrap,image=example/transwrap"]
        aws("ecs", "register-task-definition", "--family", "transwrap", *definition)
        network = "awsvpcConfiguration={subnets=[subnet-1],assignPublicIp=ENABLED}"
        launch = ["--task-definition", "transwrap", "--launch-type", "FARGATE", "--network-configuration", network]
        (task,) = aws("ecs", "run-task", *cluster, *launch)["tasks"]
        return task

    def test_a_task_that_the_cli_runs_is_a_server_until_the_cli_stops_it(self):
        task = self.run_task()
        server = until(lambda: servers().get(task_id(task)))
        self.assertEqual(server["url"], f"wss://{server['publicIp']}:8443/")
        (described,) = aws("ecs", "describe-tasks", "--cluster", "transwrap", "--tasks", task["taskArn"])["tasks"]
        self.assertEqual(described["availabilityZone"], server["availabilityZone"])
        aws("ecs", "stop-task", "--cluster", "transwrap", "--task", task["taskArn"])
        until(lambda: not servers())

    def test_the_cli_has_the_reconciler_find_a_task_that_no_event_told_of(self):
        door("PUT", "events/faults", {"times": None, "fault": {"kind": "lose"}})
        task = self.run_task()
        aws("ecs", "wait", "tasks-running", "--cluster", "transwrap", "--tasks", task["taskArn"])
        self.assertEqual(servers(), {})
        with tempfile.NamedTemporaryFile() as out:
            answer = aws("lambda", "invoke", "--function-name", "ReconcilerFunction", out.name)
        self.assertEqual((answer["StatusCode"], answer.get("FunctionError")), (200, None))
        self.assertEqual(servers().keys(), {task_id(task)})


if __name__ == "__main__":
    unittest.main(verbosity=2)
