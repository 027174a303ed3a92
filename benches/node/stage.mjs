// What functions/stage does for `GET /stages/{stage}`: one consistent read, an answer, a line in the log.

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { answer, problem } from "./answer.mjs";

const dynamodb = new DynamoDBClient({ maxAttempts: 3 });

export async function handler(event) {
  const started = performance.now();
  const caller = event.requestContext.authorizer?.jwt?.claims?.sub;
  const name = event.pathParameters?.stage;
  if (!caller || !/^[\w-]{1,128}$/.test(name ?? "")) return problem(event, started, 400, "invalid-request");
  const got = await dynamodb.send(
    new GetItemCommand({ TableName: process.env.STAGES_TABLE, Key: { name: { S: name } }, ConsistentRead: true }),
  );
  const row = got.Item;
  if (row?.status?.S !== "active") return problem(event, started, 404, "not-found");
  return answer(event, started, 200, {
    name: row.name.S,
    arn: row.arn.S,
    owner: row.owner.S,
    doors: row.live.BOOL ? "open" : "closed",
    admission: row.admission.S,
    endpoints: { events: row.eventsUrl.S, whip: row.whipUrl.S },
    createdAt: row.createdAt.S,
  });
}
