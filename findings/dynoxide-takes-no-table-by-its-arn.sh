#!/usr/bin/env bash
# dynoxide (crate dynoxide-rs 3.2.0) knows no table by its ARN, and its ARNs are of a region that there is not.
#
# One would guess: an emulator whose compatibility page lists what differs answers ARNs that can be used as DynamoDB's: they
# bear the region that the client signs for, or at least the one that `GET /` names (`healthy: dynamodb.us-east-1...`), and
# the table's ARN may stand in `TableName`, as the API reference says of every operation on one ("You can also provide the
# Amazon Resource Name (ARN) of the table in this parameter").
# What happens: ARNs of tables and indexes bear the region `dynoxide`, whatever the client's. An ARN in `TableName` is a
# ValidationException, the table's own as well. `ListTagsOfResource`, which takes ARNs alone, looks at no more of them than
# the name: any region and any account will do.
# What follows: what compares ARNs with those of a template, of a policy or of an event needs them rewritten, in both
# directions. Whether DynamoDB would refuse an ARN that one's own code sends is not seen here.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cargo install --quiet --locked --debug --no-default-features --features cli,http-server,native-sqlite --root "$folder" \
  --target-dir "$folder/target" dynoxide-rs@3.2.0 2>log || { cat log; exit 1; }
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check boto3==1.44.8 botocore==1.44.8
cargo install --list --root "$folder" | grep -o '^dynoxide-rs v[0-9.]*'
venv/bin/pip list --format freeze | grep -E '^(boto3|botocore)=='

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
bin/dynoxide --port "$port" >/dev/null 2>err &
server=$!
until grep -q listening err; do kill -0 "$server" || { cat err; exit 1; }; sleep 0.1; done

cat >use.py <<'PYTHON'
import sys

import boto3
from botocore.exceptions import ClientError

keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
for region in ("us-east-1", "eu-west-1"):
    client = boto3.client("dynamodb", region_name=region, endpoint_url=f"http://127.0.0.1:{sys.argv[1]}", **keys)
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "owner")]
    by_owner = {"IndexName": "by-owner", "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}]}
    table = client.create_table(
        TableName=f"things-{region}", BillingMode="PAY_PER_REQUEST", AttributeDefinitions=attributes,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[{**by_owner, "Projection": {"ProjectionType": "ALL"}}],
    )["TableDescription"]
    print(f"a table made in {region}:")
    print(" ", table["TableArn"])
    print(" ", table["GlobalSecondaryIndexes"][0]["IndexArn"])
    elsewhere = "arn:aws:dynamodb:ap-south-1:123456789012:table/" + table["TableName"]
    of_region = table["TableArn"].replace("dynoxide", region)
    for what, arn in (("its ARN", table["TableArn"]), (f"the ARN in {region}", of_region), ("an ARN of elsewhere", elsewhere)):
        try:
            client.get_item(TableName=arn, Key={"id": {"S": "a"}})
            named = "found"
        except ClientError as refused:
            named = refused.response["Error"]["Code"]
        tags = client.list_tags_of_resource(ResourceArn=arn)["Tags"]
        print(f"  GetItem with {what}: {named}; ListTagsOfResource: {tags}")
PYTHON
venv/bin/python use.py "$port" | tee seen
diff - seen <<'EXPECTED'
a table made in us-east-1:
  arn:aws:dynamodb:dynoxide:000000000000:table/things-us-east-1
  arn:aws:dynamodb:dynoxide:000000000000:table/things-us-east-1/index/by-owner
  GetItem with its ARN: ValidationException; ListTagsOfResource: []
  GetItem with the ARN in us-east-1: ValidationException; ListTagsOfResource: []
  GetItem with an ARN of elsewhere: ValidationException; ListTagsOfResource: []
a table made in eu-west-1:
  arn:aws:dynamodb:dynoxide:000000000000:table/things-eu-west-1
  arn:aws:dynamodb:dynoxide:000000000000:table/things-eu-west-1/index/by-owner
  GetItem with its ARN: ValidationException; ListTagsOfResource: []
  GetItem with the ARN in eu-west-1: ValidationException; ListTagsOfResource: []
  GetItem with an ARN of elsewhere: ValidationException; ListTagsOfResource: []
EXPECTED
