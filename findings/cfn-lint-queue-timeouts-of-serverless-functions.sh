#!/usr/bin/env bash
# cfn-lint 1.58.0 compares a queue's visibility timeout with its function's timeout, but not for functions of SAM.
#
# One would guess: E3505 ("Queue visibility timeout is less than Function timeout", which Lambda refuses when the stack is
# made) speaks for a template of SAM as well; cfn-lint translates such templates before it looks at them.
# What happens: for AWS::Lambda::Function with a mapping it is an error. For AWS::Serverless::Function with the same
# numbers there is none, whether the queue is an event of the function or in a mapping written out beside it.
# What follows: `sam validate --lint` passes on a template that cannot be deployed. A test of one's own compares the
# numbers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cfn-lint==1.58.0 aws-sam-translator==1.115.0
venv/bin/cfn-lint --version

queue='  Jobs:
    Type: AWS::SQS::Queue
    UpdateReplacePolicy: Delete
    DeletionPolicy: Delete
    Properties: {VisibilityTimeout: 10}'
mapping='  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Jobs.Arn, FunctionName: !Ref Worker}'
cat >plain.yaml <<YAML
Resources:
$queue
$mapping
  Worker:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 60
      Role: arn:aws:iam::123456789012:role/worker
      Code: {S3Bucket: bucket, S3Key: worker.zip}
YAML
cat >mapping.yaml <<YAML
Transform: AWS::Serverless-2016-10-31
Resources:
$queue
$mapping
  Worker:
    Type: AWS::Serverless::Function
    Properties: {Runtime: provided.al2023, Handler: bootstrap, Timeout: 60, CodeUri: s3://bucket/worker.zip}
YAML
cat >event.yaml <<YAML
Transform: AWS::Serverless-2016-10-31
Resources:
$queue
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: provided.al2023
      Handler: bootstrap
      Timeout: 60
      CodeUri: s3://bucket/worker.zip
      Events:
        Job: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
YAML
for template in plain mapping event; do
  status=0
  venv/bin/cfn-lint --format parseable --regions us-east-1 -- "$template.yaml" >found || status=$?
  echo "$template: exit $status, $(grep -o 'E3505.*' found || echo nothing)"
done | tee seen
diff - seen <<'EXPECTED'
plain: exit 2, E3505:Queue visibility timeout (10) is less than Function timeout (60) seconds
mapping: exit 0, nothing
event: exit 0, nothing
EXPECTED
