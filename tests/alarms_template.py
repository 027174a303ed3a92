"""What tests/alarms.py and tests/alarms_causes.py know of template.yaml: its alarms, and the resources that they are about."""

import yaml
from cloudwatch import Alarm

STACK = "greenroom"
# Of which type the resources are that a dimension names.
NAMED = {
    "ApiId": "AWS::Serverless::HttpApi",
    "FunctionName": "AWS::Serverless::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
}


class Template(yaml.SafeLoader):
    """template.yaml, with Ref and the like filled in by the logical ids; conditions hold."""


def filled(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "Sub":
            return value.replace("${AWS::StackName}", STACK)
        return {"AWS::StackName": STACK}.get(value, value.removesuffix(".QueueName"))
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    values = loader.construct_sequence(node, deep=True)
    return values[1] if suffix == "If" else values


Template.add_multi_constructor("!", filled)
with open("template.yaml", encoding="utf-8") as file:
    RESOURCES = yaml.load(file, Template)["Resources"]


def of_type(type):
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == type}


FILTERS = of_type("AWS::Logs::MetricFilter")
ALARMS = {name: Alarm(name, properties) for name, properties in of_type("AWS::CloudWatch::Alarm").items()}
FUNCTIONS = of_type(NAMED["FunctionName"])
QUEUES = of_type(NAMED["QueueName"])
TABLES = of_type(NAMED["TableName"])


def is_of_the_api(function):
    return any(event["Type"] == "HttpApi" for event in FUNCTIONS[function].get("Events", {}).values())
