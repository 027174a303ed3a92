import { beforeEach, expect, test } from "vitest";

import { apiClient, ok, type Api } from "./api";
import { fakeFetch, problem, type Answer } from "./testing/browser";

let answers: Answer[];
let waited: number[];
let requests: ReturnType<typeof fakeFetch>["requests"];
let tokens: { token: () => Promise<string | null>; renew: () => Promise<string | null> };
let api: Api;

const health = { status: 200, body: { status: "ok" } };
const path = { channel: "demo" };

beforeEach(() => {
  answers = [];
  waited = [];
  tokens = { token: async () => "first", renew: async () => "second" };
  const fake = fakeFetch(() => {
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return answer;
  });
  requests = fake.requests;
  const source = { token: () => tokens.token(), renew: () => tokens.renew() };
  api = apiClient("https://api.example.com", source, { fetch: fake.fetch, sleep: async (ms) => void waited.push(ms), random: () => 0 });
});

test("brings the caller's token", async () => {
  answers = [health];
  await ok(api.GET("/health"));
  expect(requests[0]?.authorization).toBe("Bearer first");
});

test("leaves a token alone that the request brings itself", async () => {
  answers = [health];
  await ok(api.GET("/streams/{channel}", { params: { path }, headers: { authorization: "Bearer playback" } }));
  expect(requests[0]?.authorization).toBe("Bearer playback");
});

test("renews a token that the API does not take, once, and sends the same body", async () => {
  answers = [problem(401, "unauthenticated"), { status: 200, body: {} }];
  await ok(api.PUT("/channels/{channel}", { params: { path }, body: { private: true } }));
  expect(requests.map(({ authorization, body }) => [authorization, body])).toEqual([
    ["Bearer first", '{"private":true}'],
    ["Bearer second", '{"private":true}'],
  ]);
});

test("repeats a GET with growing pauses, or as long after as the API says", async () => {
  answers = [problem(503, "busy"), problem(503, "busy", { "retry-after": "4" }), health];
  await ok(api.GET("/health"));
  expect(waited).toEqual([500, 4000]);
});

test("gives up on a GET after three times", async () => {
  answers = [1, 2, 3, 4].map(() => problem(503, "unavailable"));
  await expect(ok(api.GET("/health"))).rejects.toMatchObject({ type: "unavailable", status: 503, requestId: "request-1" });
  expect(requests).toHaveLength(3);
});

test("makes nobody wait in silence for long", async () => {
  answers = [problem(503, "unavailable", { "retry-after": "60" })];
  await expect(ok(api.GET("/health"))).rejects.toMatchObject({ retryAfterMs: 60_000 });
});

test("repeats nothing but a GET", async () => {
  answers = [problem(503, "busy"), { status: 204 }];
  await expect(ok(api.DELETE("/channels/{channel}", { params: { path } }))).rejects.toMatchObject({ type: "busy" });
  expect(requests).toHaveLength(1);
});

test("says of a network that is away what to do, in a sentence", async () => {
  const failed = ok(api.GET("/health"));
  await expect(failed).rejects.toMatchObject({ type: "unreachable", status: 0, message: expect.stringContaining("online") as string });
  expect(requests).toHaveLength(3);
});

test("reads what API Gateway says by itself", async () => {
  answers = [1, 2, 3].map(() => ({ status: 429, body: { message: "Too Many Requests" }, headers: { "apigw-requestid": "gateway-1" } }));
  await expect(ok(api.GET("/health"))).rejects.toMatchObject({ type: "too-many-requests", detail: "Too Many Requests", requestId: "gateway-1" });
});
