import assert from "node:assert/strict";
import { it } from "node:test";

import { ApiError, ChatApi, userRef } from "./api.js";
import { failureOf, passes } from "./service.js";

/** An API that answers with this, and what it was asked. */
function api(status: number, body: unknown, headers: Record<string, string> = {}) {
  const asked: string[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}) => {
    asked.push(`${init.method} ${String(url)} ${new Headers(init.headers).get("authorization")} ${String(init.body ?? "")}`.trim());
    return new Response(status === 204 ? null : typeof body === "string" ? body : JSON.stringify(body), { status, headers });
  };
  return { asked, chat: new ChatApi({ api: "http://api", subject: { channel: "show" }, jwt: async () => "jwt", fetch }) };
}

it("asks the routes of the chat as the caller", async () => {
  const { asked, chat } = api(201, { token: "t" });
  assert.deepEqual(await chat.token({ displayName: "Alice" }), { token: "t" });
  const done = api(204, null);
  await done.chat.deleteMessage("AbCdEfGh1234");
  await done.chat.moderate("bob", { muted: true });
  await done.chat.remove("a/b?");
  assert.deepEqual([...asked, ...done.asked], [
    'POST http://api/channels/show/chat-tokens Bearer jwt {"displayName":"Alice"}',
    "DELETE http://api/channels/show/chat/messages/AbCdEfGh1234 Bearer jwt",
    'PATCH http://api/channels/show/chat/users/bob Bearer jwt {"muted":true}',
    "DELETE http://api/channels/show/chat/users/~YS9iPw Bearer jwt",
  ]);
});

it("lists those who were moderated, page by page", async () => {
  const pages = [{ items: [{ userId: "bob" }], cursor: "a b" }, { items: [{ userId: "carol" }], cursor: null }];
  const asked: string[] = [];
  const fetch = async (url: string | URL | Request) => (asked.push(String(url)), Response.json(pages[asked.length - 1]));
  const chat = new ChatApi({ api: "http://api", subject: { stage: "talk" }, jwt: async () => "jwt", fetch });
  assert.deepEqual((await chat.moderated()).map(({ userId }) => userId), ["bob", "carol"]);
  assert.deepEqual(asked, ["http://api/stages/talk/chat/users", "http://api/stages/talk/chat/users?cursor=a%20b"]);
});

it("reads and changes the settings, and reads the log", async () => {
  const settings = { rules: "Be kind.", slowModeSeconds: 5, words: ["spoiler"] };
  const { asked, chat } = api(200, settings);
  assert.deepEqual(await chat.settings(), settings);
  assert.deepEqual(await chat.changeSettings({ rules: "" }), settings);
  const entry = { at: "2026-03-01T12:00:00.000Z", actor: "alice", action: "muted", userId: "bob", messageId: null };
  const log = api(200, { items: [entry] });
  assert.deepEqual(await log.chat.log(), [entry]);
  assert.deepEqual([...asked, ...log.asked], [
    "GET http://api/channels/show/chat Bearer jwt",
    'PATCH http://api/channels/show/chat Bearer jwt {"rules":""}',
    "GET http://api/channels/show/chat/log Bearer jwt",
  ]);
});

it("rejects a refusal with what the client goes by", async () => {
  const { chat } = api(503, { type: "busy", detail: "it is busy" }, { "retry-after": "7" });
  const error = await chat.token({}).then(() => assert.fail(), (error: unknown) => error);
  assert(error instanceof ApiError);
  assert.equal(error.message, "it is busy");
  const failure = failureOf(error);
  assert.deepEqual([failure.status, failure.type, failure.retryAfterMs, passes(failure)], [503, "busy", 7000, true]);
});

it("rejects what is no answer of the API's, too", async () => {
  const { chat } = api(502, "<html>");
  const error = await chat.token({}).then(() => assert.fail(), (error: unknown) => error);
  assert(passes(failureOf(error)));
});

it("has any user id stand in a path", () => {
  assert.deepEqual(["auth0|a.b-c_d@e:f+g", "a/b?", "google|bob é"].map(userRef), ["auth0|a.b-c_d@e:f+g", "~YS9iPw", "~Z29vZ2xlfGJvYiDDqQ"]);
});
