// A host opens a stage, hands out a participant token, and looks for a server to broadcast through. Run it with the
// variables of the local cloud, API and TOKEN:
//
//     eval "$(curl -s http://127.0.0.1:8080/_local/env)"
//     npm ci && npm run generate && npm run check && npm run example

import createClient from "openapi-fetch";

import type { components, paths } from "./greenroom.js";

type Problem = components["schemas"]["Problem"];
type Stage = components["schemas"]["Stage"];
type ParticipantToken = components["schemas"]["ParticipantToken"];
type Server = components["schemas"]["Server"];
type StageOptions = components["schemas"]["StageOptions"];
type TokenRequest = components["schemas"]["ParticipantTokenRequest"];
/** What an error's body is: a function's problem, or API Gateway's own message. */
type Failure = Problem | components["schemas"]["GatewayMessage"];

const { API, TOKEN } = process.env;
if (!API || !TOKEN) throw new Error("set API and TOKEN, such as by the /_local/env of the local cloud");

const api = createClient<paths>({ baseUrl: API, headers: { authorization: `Bearer ${TOKEN}` } });

/** A failure that nothing here knows how to help. */
function unexpected(what: string, error: Failure, { status, headers }: Response): Error {
  const why = "type" in error ? `${error.type}: ${error.detail}` : error.message;
  return new Error(`${what}: ${status} ${why} (request ${headers.get("apigw-requestid")})`);
}

/** How long to wait before asking again, in milliseconds; nothing for an error that stays. */
function retryDelay({ status, headers }: Response): number | undefined {
  return status === 503 ? 1000 * Number(headers.get("retry-after") ?? 1) : undefined;
}

/** Creates the stage, or fetches it: to repeat it is harmless, so it is repeated while the service is busy. */
async function openStage(name: string, tries = 5): Promise<Stage> {
  const { data, error, response } = await api.PUT("/stages/{stage}", {
    params: { path: { stage: name } },
    // `satisfies` has the compiler refuse fields that the API does not know.
    body: { admission: "hosted" } satisfies StageOptions,
  });
  if (data) return data;
  if ("type" in error && error.type === "options-differ") {
    // Only this problem and `invalid-request` have a list of fields, and the compiler knows it.
    throw new Error(error.errors.map(({ field, reason }) => `${field} ${reason}`).join(", "));
  }
  const wait = retryDelay(response);
  if (wait === undefined || tries <= 1) throw unexpected(`the stage ${name}`, error, response);
  await new Promise((resolve) => setTimeout(resolve, wait));
  return openStage(name, tries - 1);
}

/** The caller's own token, or why there is none for them. */
async function join(stage: Stage, displayName: string): Promise<ParticipantToken | "closed" | "removed"> {
  const { data, error, response } = await api.POST("/stages/{stage}/participants", {
    params: { path: { stage: stage.name } },
    body: {
      durationMinutes: 90,
      capabilities: ["PUBLISH", "SUBSCRIBE"],
      // Every participant can read these.
      attributes: { displayName },
    } satisfies TokenRequest,
  });
  if (data) return data;
  switch ("type" in error ? error.type : undefined) {
    case "stage-closed":
      return "closed";
    case "removed":
      return "removed";
    default:
      throw unexpected("a participant token", error, response);
  }
}

/** All servers that can take a broadcast now, page by page. */
async function* servers(): AsyncGenerator<Server> {
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? { limit: 10 } : { limit: 10, cursor };
    const { data, error, response } = await api.GET("/servers", { params: { query } });
    if (!data) throw unexpected("the servers", error, response);
    yield* data.items;
    cursor = data.cursor;
  } while (cursor !== undefined);
}

const stage = await openStage("typescript-example");
console.log(`${stage.owner}'s stage ${stage.name} is ${stage.doors}`);

const token = await join(stage, "Alice");
if (typeof token === "string") throw new Error(`the stage's owner is ${token}`);
console.log(`participant ${token.participantId} may ${token.capabilities.join(" and ")} until ${token.expiresAt}`);

let found = 0;
for await (const server of servers()) {
  found += 1;
  console.log(`broadcast through ${server.url}`);
}
if (found === 0) console.log("no server can take a broadcast now");

// What goes wrong is typed, too.
const missing = await api.GET("/stages/{stage}", { params: { path: { stage: "no-such-stage" } } });
if (missing.response.status !== 404 || !missing.error || !("type" in missing.error)) throw new Error("it exists");
console.log(`no-such-stage: ${missing.error.type}`);

const gone = await api.DELETE("/stages/{stage}", { params: { path: { stage: stage.name } } });
if (gone.error) throw unexpected(`deleting ${stage.name}`, gone.error, gone.response);
