#!/usr/bin/env bash
# aws-sam-translator 1.115.0 loses the route `$disconnect` of a WebSocket API that has a route `disconnect` as well.
#
# One would guess: `$disconnect` is API Gateway's own route, for a connection that has ended, and `disconnect` one for
# messages with this action; a template with both makes two routes, or is refused.
# What happens: the logical ids of what is generated come from the route's name without `$` and with a capital, so both
# are `PushDisconnectRoute`. The later one replaces the earlier one: one route, one integration, one permission, no
# message. The function for `$disconnect` is never called. cfn-lint 1.58.0 finds nothing, either.
# What follows: no action of a WebSocket API is called connect, disconnect or default, and no two differ by the case of
# their first letter alone. A test counts the routes of the translated template.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aws-sam-translator==1.115.0 cfn-lint==1.58.0
venv/bin/pip list --format freeze | grep -E '^(aws-sam-translator|cfn-lint)=='

cat >template.yaml <<'YAML'
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Ended:
    Type: AWS::Serverless::Function
    Properties: {Runtime: provided.al2023, Handler: bootstrap, CodeUri: s3://bucket/ended.zip}
  Leave:
    Type: AWS::Serverless::Function
    Properties: {Runtime: provided.al2023, Handler: bootstrap, CodeUri: s3://bucket/leave.zip}
  Push:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      Routes:
        $disconnect: {FunctionArn: !GetAtt Ended.Arn}
        disconnect: {FunctionArn: !GetAtt Leave.Arn}
YAML
cat >translate.py <<'PYTHON'
import json

from cfnlint.decode import cfn_yaml
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    def load(self):
        return {}


template = json.loads(json.dumps(cfn_yaml.load("template.yaml")))
for id, resource in sorted(transform(template, {}, NoManagedPolicies())["Resources"].items()):
    if resource["Type"] == "AWS::ApiGatewayV2::Route":
        print("route", resource["Properties"]["RouteKey"], "as", id)
    if resource["Type"] == "AWS::ApiGatewayV2::Integration":
        print("integration", "of", "Ended" if "Ended" in json.dumps(resource) else "Leave", "as", id)
PYTHON
{
  AWS_DEFAULT_REGION=us-east-1 venv/bin/python translate.py
  venv/bin/cfn-lint template.yaml && echo "cfn-lint: nothing"
} | tee seen
diff - seen <<'EXPECTED'
integration of Leave as PushDisconnectIntegration
route disconnect as PushDisconnectRoute
cfn-lint: nothing
EXPECTED
