// What functions/participant does for `POST /stages/{stage}/participants`: one read of stage and user, a token that is
// signed here, one conditional write, an answer, a line in the log. The key is kept for a while.

import { createPrivateKey, randomBytes, sign } from "node:crypto";
import { BatchGetItemCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { answer, problem } from "./answer.mjs";

const dynamodb = new DynamoDBClient({ maxAttempts: 3 });
const secrets = new SecretsManagerClient({ maxAttempts: 3 });
const { STAGES_TABLE: stages, PARTICIPANTS_TABLE: participants } = process.env;

let known;
async function signer() {
  if (known && known.until > Date.now()) return known;
  const got = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.PARTICIPANT_SIGNING_KEY }));
  const { keyId, privateKey } = JSON.parse(got.SecretString);
  known = {
    header: base64url({ alg: "ES384", typ: "JWT", kid: keyId }),
    key: createPrivateKey(privateKey),
    until: Date.now() + 1000 * Number(process.env.SIGNING_KEY_CACHE_SECONDS),
  };
  return known;
}

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

export async function handler(event) {
  const started = performance.now();
  const user = event.requestContext.authorizer?.jwt?.claims?.sub;
  const name = event.pathParameters?.stage;
  if (!user || !/^[\w-]{1,128}$/.test(name ?? "")) return problem(event, started, 400, "invalid-request");
  const { durationMinutes = 720, attributes = {} } = JSON.parse(event.body ?? "{}");
  const { header, key } = await signer();
  const found = await dynamodb.send(
    new BatchGetItemCommand({
      RequestItems: {
        [stages]: { Keys: [{ name: { S: name } }], ConsistentRead: true },
        [participants]: { Keys: [{ stage: { S: name }, userId: { S: user } }], ConsistentRead: true },
      },
    }),
  );
  const stage = found.Responses[stages]?.[0];
  if (stage?.status?.S !== "active") return problem(event, started, 404, "not-found");
  const now = new Date();
  const expiresAt = new Date(1000 * (Math.floor(now / 1000) + 60 * durationMinutes));
  const participantId = randomBytes(9).toString("base64url");
  const token = {
    participantId: { S: participantId },
    expiresAt: { S: expiresAt.toISOString() },
    capabilities: { SS: ["publish", "subscribe"] },
    attributes: { M: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, { S: value }])) },
    eventsUrl: stage.eventsUrl,
    whipUrl: stage.whipUrl,
  };
  await dynamodb.send(
    new PutItemCommand({
      TableName: participants,
      Item: {
        stage: { S: name },
        stageArn: stage.arn,
        userId: { S: user },
        version: { S: randomBytes(12).toString("base64url") },
        standing: { S: "unspoken" },
        issuedAt: { S: now.toISOString() },
        heldUntil: { S: expiresAt.toISOString() },
        ttl: { N: `${expiresAt / 1000}` },
        token: { M: token },
      },
      ConditionExpression: "attribute_not_exists(userId)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    }),
  );
  const payload = base64url({
    exp: expiresAt / 1000,
    iat: Math.floor(now / 1000),
    jti: participantId,
    user_id: user,
    resource: stage.arn.S,
    topic: stage.arn.S.split("/").pop(),
    events_url: stage.eventsUrl.S,
    whip_url: stage.whipUrl.S,
    capabilities: { allow_publish: true, allow_subscribe: true },
    attributes,
    version: "1.0",
  });
  const signature = sign("sha384", Buffer.from(`${header}.${payload}`), { key, dsaEncoding: "ieee-p1363" });
  return answer(event, started, 201, {
    stage: name,
    participantId,
    userId: user,
    token: `${header}.${payload}.${signature.toString("base64url")}`,
    capabilities: ["publish", "subscribe"],
    attributes,
    expiresAt: expiresAt.toISOString(),
  });
}
