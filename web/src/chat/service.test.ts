import { beforeEach, expect, it } from "vitest";

import { Problem } from "../problem";
import { fakeFetch, problem, type Answer } from "../testing/browser";
import { ChannelChat } from "./service";

let answer: (authorization: string | null) => Answer | Promise<Answer>;
let requests: ReturnType<typeof fakeFetch>["requests"];
let chat: ChannelChat;

beforeEach(() => {
  answer = () => ({ status: 200, body: { items: [] } });
  const fake = fakeFetch((request) => answer(request.headers.get("authorization")));
  requests = fake.requests;
  chat = new ChannelChat("http://api", "show", { token: async () => "old", renew: async () => "new" }, fake.fetch);
});

const thrown = async (promise: Promise<unknown>): Promise<Problem> => promise.then(() => expect.unreachable(), (error: Problem) => error);

it("asks as whoever is signed in, with a token that is renewed once", async () => {
  answer = (authorization) => (authorization === "Bearer new" ? { status: 201, body: { token: "t" } } : { status: 401, body: { message: "Unauthorized" } });
  expect(await chat.token({ displayName: "Alice" })).toEqual({ token: "t" });
  expect(requests.map(({ authorization, body }) => [authorization, body])).toEqual([
    ["Bearer old", '{"displayName":"Alice"}'],
    ["Bearer new", '{"displayName":"Alice"}'],
  ]);
});

it("throws what the API refuses as a problem, with how long to wait", async () => {
  answer = () => problem(503, "busy", { "retry-after": "7" });
  const error = await thrown(chat.remove("bob"));
  expect(error).toBeInstanceOf(Problem);
  expect([error.type, error.status, error.retryAfterMs, error.passes]).toEqual(["busy", 503, 7000, true]);
});

it("throws that there was no answer", async () => {
  answer = () => Promise.reject(new TypeError("failed to fetch"));
  expect((await thrown(chat.moderate("bob", { muted: true }))).type).toBe("unreachable");
});

it("lists those whom moderation has changed something for", async () => {
  expect(await chat.moderated()).toEqual([]);
  expect(requests[0]?.path).toBe("/channels/show/chat/users");
});
