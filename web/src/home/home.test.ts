import { expect, it } from "vitest";

import { apiClient, nobody } from "../api";
import { Home, wrongName } from "./home";

const clock = { now: () => 0, after: () => () => {} };

function homeWith(answers: Record<string, { status?: number; body: unknown }>, user: string | null = "alice"): Home {
  const fetch = async (input: RequestInfo | URL) => {
    const request = input as Request;
    const { status = 200, body } = answers[`${request.method} ${new URL(request.url).pathname}`] ?? { status: 404, body: {} };
    return Response.json(body, { status });
  };
  const api = apiClient("http://api", nobody, { fetch, sleep: async () => {} });
  return new Home(api, api, () => user, clock);
}

it("shows what is on air to somebody who is not signed in, and asks for no channels", async () => {
  const home = homeWith({ "GET /streams": { body: { items: [{ channel: "demo" }] } } }, null);
  await home.start();
  expect(home.onAir).toEqual([{ channel: "demo" }]);
  expect(home.channels).toBeNull();
  expect(home.problem).toBeNull();
});

it("shows a new channel at once, although the list lags", async () => {
  const home = homeWith({
    "GET /streams": { body: { items: [] } },
    "GET /channels": { body: { items: [{ name: "old" }] } },
    "PUT /channels/new": { status: 201, body: { name: "new", owner: "alice" } },
  });
  await home.start();
  expect(await home.make("new", false)).toBe(true);
  expect(home.channels).toEqual([{ name: "new", owner: "alice" }, { name: "old" }]);
});

it("does not take somebody else's channel of that name for a new one", async () => {
  const home = homeWith({ "PUT /channels/show": { body: { name: "show", owner: "bob" } } });
  expect(await home.make("show", false)).toBe(false);
  expect(home.problem?.type).toBe("not-owner");
  expect(home.channels).toBeNull();
});

it("tells why a channel was not made", async () => {
  const home = homeWith({ "PUT /channels/taken": { status: 409, body: { type: "not-owner", status: 409 } } });
  expect(await home.make("taken", false)).toBe(false);
  expect(home.problem?.type).toBe("not-owner");
});

it("knows a name that the API would not take", () => {
  expect(wrongName("demo_1-A")).toBeNull();
  expect(wrongName("")).not.toBeNull();
  expect(wrongName("a b")).not.toBeNull();
  expect(wrongName("é")).not.toBeNull();
  expect(wrongName("a".repeat(129))).not.toBeNull();
});
