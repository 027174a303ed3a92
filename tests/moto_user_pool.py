"""Makes the user pool of template.yaml in moto, and prints POOL and CLIENT for the shell.

Run by tests/official-clients with MOTO set. The pool's keys go to $SCRATCH/jwks.json, for the local cloud to trust.
moto's CloudFormation knows no user pools, so the pool is made by Cognito's own API with the template's properties.
"""

import json
import os
import urllib.request

import boto3
from cfnlint.decode import decode

MOTO = os.environ["MOTO"]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# Outputs of template.yaml, all that scripts/smoke reads.
OUTPUTS = ("ApiUrl", "UserPoolId", "UserPoolClientId")


def properties(resource, names):
    """Some of a resource's properties in template.yaml."""
    template, errors = decode(os.path.join(ROOT, "template.yaml"))
    if errors:
        raise AssertionError(errors)
    declared = template["Resources"][resource]["Properties"]
    return {name: declared[name] for name in names}


def make_pool(cognito):
    """The pool and its app client, by their ids."""
    settings = properties("UserPool", ("UsernameAttributes", "AutoVerifiedAttributes"))
    pool = cognito.create_user_pool(PoolName="greenroom", **settings)["UserPool"]["Id"]
    settings = properties("UserPoolClient", ("ExplicitAuthFlows", "PreventUserExistenceErrors"))
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="greenroom", **settings)
    return pool, client["UserPoolClient"]["ClientId"]


def make_stack(cloudformation, **values):
    """A stack with nothing but these outputs."""
    template = {
        "Parameters": {name: {"Type": "String"} for name in OUTPUTS},
        "Resources": {"Nothing": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {name: {"Value": {"Ref": name}} for name in OUTPUTS},
    }
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    cloudformation.create_stack(StackName="greenroom", TemplateBody=json.dumps(template), Parameters=parameters)


def main():
    pool, client = make_pool(boto3.client("cognito-idp", endpoint_url=MOTO))
    region = os.environ["AWS_DEFAULT_REGION"]
    # moto tells services apart by the host.
    host = {"host": f"cognito-idp.{region}.amazonaws.com"}
    keys = urllib.request.Request(f"{MOTO}/{pool}/.well-known/jwks.json", headers=host)
    with urllib.request.urlopen(keys) as answer, open(os.path.join(os.environ["SCRATCH"], "jwks.json"), "wb") as file:
        file.write(answer.read())
    print(f"POOL={pool} CLIENT={client}")


if __name__ == "__main__":
    main()
