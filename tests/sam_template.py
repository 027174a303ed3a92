"""template.yaml as CloudFormation sees it: SAM's own translator expands it, and what it leaves to be filled in is filled
in with values that look like AWS's.

Used where a check needs what a function's policy or an API's routes will be, so that no check repeats the template.
"""

import os
import re

# The translator asks boto3 for it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "greenroom",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/greenroom/0",
}
# What `Ref` gives is a name for most types; for these it is an ARN.
REF_IS_ARN = {
    "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::SecretsManager::Secret", "AWS::SNS::Topic",
}
# Of the types whose ARN is not simply service:type/name.
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:123456789012:table/{}",
    "AWS::ECS::Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/{}",
    "AWS::ECS::Service": "arn:aws:ecs:us-east-1:123456789012:service/transwrap/{}",
    "AWS::ECS::TaskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/{}:1",
    "AWS::Events::Rule": "arn:aws:events:us-east-1:123456789012:rule/{}",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/{}",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:123456789012:function:{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:{}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/{}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-AbCdEf",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:{}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:{}",
}
# Of parameters whose default is none, by the end of their names.
GIVEN = {
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/0",
    "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:given-AbCdEf",
}
NOTHING = object()


class ManagedPolicies:
    """The translator's table of AWS's own policies; an empty one has it write their ARNs out."""

    def load(self):
        return {}


def loaded(path):
    """The template as it stands, with `!Ref` and the like written out."""
    with open(path, encoding="utf-8") as file:
        return yaml_parse(file.read())


def translated(path):
    """The template with SAM's resources replaced by those that they stand for."""
    template = loaded(path)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # Code has to be uploaded by then.
            resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    return transform(template, {}, ManagedPolicies())


class Resolver:
    """Fills in CloudFormation's functions. Every condition holds, or none does, so that two of them see all there is."""

    def __init__(self, template, conditions_hold, given=None):
        self.resources = template["Resources"]
        self.parameters = template.get("Parameters", {})
        self.given = given or {}
        self.conditions_hold = conditions_hold

    def resolve(self, value):
        """A value with nothing left to be filled in. What is `AWS::NoValue` is left out."""
        if isinstance(value, list):
            resolved = [self.resolve(item) for item in value]
            return [item for item in resolved if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = getattr(self, "_" + name.replace("Fn::", "").lower(), None)
            if function and (name == "Ref" or name.startswith("Fn::")):
                return function(argument)
            if name.startswith("Fn::"):
                raise ValueError(f"{name} is not known here")
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NOTHING}

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.given:
            return self.given[name]
        if name in self.parameters:
            # A value that is given where the default is none.
            examples = (example for end, example in GIVEN.items() if name.endswith(end))
            return self.parameters[name].get("Default") or next(examples, f"given-{name}")
        if self.resources[name]["Type"] in REF_IS_ARN:
            return self.arn(name)
        return name

    def _getatt(self, argument):
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self.arn(name) if attribute == "Arn" else f"{name}-{attribute}"

    def arn(self, name):
        """An ARN as the resource's would look."""
        type = self.resources[name]["Type"]
        if type not in ARNS:
            raise ValueError(f"{name}: how an ARN of {type} looks has to be added here")
        return ARNS[type].format(name)

    def _sub(self, argument):
        text, variables = argument if isinstance(argument, list) else (argument, {})

        def value(match):
            name = match[1]
            if name in variables:
                return str(self.resolve(variables[name]))
            return str(self._getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", value, text).replace("${!", "${")

    def _if(self, argument):
        return self.resolve(argument[1 if self.conditions_hold else 2])

    def _join(self, argument):
        return argument[0].join(str(item) for item in self.resolve(argument[1]))

    def _split(self, argument):
        return self.resolve(argument[1]).split(argument[0])

    def _select(self, argument):
        return self.resolve(argument[1])[int(argument[0])]
