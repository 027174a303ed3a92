"""What the roles of templates may do, judged by parliament, which knows AWS's actions, resources and conditions:
policies.py <template>...

Checked are the policies that SAM makes of a template, its own among them, once with every condition met and once with
none. Run by scripts/check-deployment.
"""

import ast
import json
import re
import sys

import parliament
import yaml
from sam_template import Resolver, translated

# Policies of AWS that a role may have, and why.
MANAGED = {
    "AWSLambdaBasicExecutionRole": "SAM gives it to every function; writing logs is all that it allows",
    "AWSLambdaSQSQueueExecutionRole": "SAM gives it to a function that a queue invokes; its queue is not named in it",
    "AWSXRayDaemonWriteAccess": "SAM gives it to a function that is traced",
}
# Findings that hold for nothing here, and why.
EXEMPT = {
    "NO_VERSION": "SAM's own policies have none; they use nothing that the version decides",
}
# Kinds of resources that an action has and the stack has not, and why.
EXEMPT_FORMATS = {
    ("dynamodb:GetResourcePolicy", "arn:*:dynamodb:*:*:table/*/stream/*"): "no table has a stream",
}
# Conditions that parliament does not expect at an action, and why they are there.
EXEMPT_CONDITIONS = {
    "dynamodb:Select": "with IfExists: holds for the reads of its statement",
    "dynamodb:ReturnValues": "with IfExists: holds for the writes of its statement",
}


def listed(value):
    return value if isinstance(value, list) else [value]


def covered(statements, action, format):
    """Whether an action, some of whose resources are in one statement, has those of this format in another."""
    pattern = re.compile(re.escape(format).replace(r"\*", ".*"))
    return any(
        action in listed(statement["Action"]) and any(pattern.fullmatch(resource) for resource in listed(statement["Resource"]))
        for statement in statements
    )


def holds(finding, statements):
    """Whether a finding of parliament is one."""
    if finding.issue in EXEMPT:
        return False
    if finding.issue == "RESOURCE_STAR":
        # A condition narrows what the resource cannot; that it has its reason beside it is checked in the source.
        actions = set(finding.detail if isinstance(finding.detail, list) else ast.literal_eval(finding.detail))
        return not all(
            "Condition" in statement
            for statement in statements
            if "*" in listed(statement["Resource"]) and actions & set(listed(statement["Action"]))
        )
    if finding.issue == "RESOURCE_MISMATCH":
        return not all(
            (needed["action"], needed["required_format"]) in EXEMPT_FORMATS
            or covered(statements, needed["action"], needed["required_format"])
            for needed in finding.detail
        )
    if finding.issue == "INVALID_ARN":
        # CloudFormation's own transforms are of an account named aws.
        return ":aws:transform/" not in finding.location["string"]
    if finding.issue == "UNKNOWN_CONDITION_FOR_ACTION":
        return not any(f"Unknown condition {name} " in finding.detail for name in EXEMPT_CONDITIONS)
    return True


def judged(template):
    """What is wrong with the roles, and how many policies were looked at."""
    wrong, count = set(), 0
    for resolver in (Resolver(template, True), Resolver(template, False)):
        for name, resource in template["Resources"].items():
            if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::User", "AWS::IAM::Group"):
                wrong.add(f"{name}: {resource['Type']} is not looked at here")
            if resource["Type"] not in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
                continue
            role = resolver.resolve(resource["Properties"])
            for managed in role.get("ManagedPolicyArns", []):
                if managed.rsplit("/", 1)[-1] not in MANAGED:
                    wrong.add(f"{name}: {managed} is a policy of somebody else")
            for policy in [role] if "PolicyDocument" in role else role.get("Policies", []):
                count += 1
                document = policy["PolicyDocument"]
                for finding in parliament.analyze_policy_string(json.dumps(document)).findings:
                    if holds(finding, listed(document["Statement"])):
                        known = parliament.enhance_finding(finding)
                        wrong.add(f"{name}: {known.severity}: {known.title.strip()}: {known.detail}")
    return wrong, count


def scalars(node):
    if isinstance(node, yaml.ScalarNode):
        yield node.value
    for child in node.value if isinstance(node, yaml.SequenceNode) else []:
        yield from scalars(child)
    for _, child in node.value if isinstance(node, yaml.MappingNode) else []:
        yield from scalars(child)


def ends_of(node):
    """Where the scalars of a YAML node end."""
    if isinstance(node, yaml.ScalarNode):
        yield node.end_mark
    for child in node.value if isinstance(node, yaml.SequenceNode) else []:
        yield from ends_of(child)
    for pair in node.value if isinstance(node, yaml.MappingNode) else []:
        for child in pair:
            yield from ends_of(child)


def statements_of(node):
    """The nodes of a YAML document that are statements of policies."""
    if isinstance(node, yaml.MappingNode):
        fields = {key.value: value for key, value in node.value}
        if {"Effect", "Action", "Resource"} <= fields.keys():
            yield node, fields
        for _, child in node.value:
            yield from statements_of(child)
    for child in node.value if isinstance(node, yaml.SequenceNode) else []:
        yield from statements_of(child)


def unexplained(path):
    """Statements about more than one resource that neither a condition narrows nor a comment explains."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = text.splitlines()
    for node, fields in statements_of(yaml.compose(text)):
        resources = list(scalars(fields["Resource"]))
        if not any("*" in resource for resource in resources):
            continue
        # A mapping ends, for the parser, where the next thing begins: comments on that are not about this.
        first = node.start_mark.line
        last = max(mark.line for mark in ends_of(node))
        explained = any(line.lstrip().startswith("#") for line in lines[first - 1 : last])
        if not explained and ("Condition" not in fields or "*" in resources):
            actions = ", ".join(scalars(fields["Action"]))
            yield f"line {first + 1}: {actions} on {', '.join(resources)}: say why it is not narrower"


def main():
    failed = False
    for path in sys.argv[1:]:
        wrong, count = judged(translated(path))
        wrong |= set(unexplained(path))
        if count == 0:
            wrong.add("has no policies")
        for line in sorted(wrong):
            print(f"{path}: {line}", file=sys.stderr)
        if not wrong:
            print(f"{path}: {count // 2} policies: nothing to complain of")
        failed |= bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
