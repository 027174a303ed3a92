import { expect, it } from "vitest";

import { apiClient } from "../api";
import { FakeClock, settled } from "../testing/browser";
import { Audience } from "./audience";

const stream = { channel: "demo", state: "live", startedAt: null, viewerCount: 3, health: "HEALTHY", playbackUrl: "https://video/demo.m3u8", session: "st-1" };

/** What was asked of the API, and with whose token, in the first seconds of an audience. */
async function asked(isPrivate: boolean): Promise<string[]> {
  const asked: string[] = [];
  const fetch = async (input: RequestInfo | URL) => {
    const request = input as Request;
    asked.push(`${request.method} ${request.headers.get("authorization") ?? "open"}`);
    return request.method === "POST" ? Response.json({ token: "t1" }, { status: 201 }) : Response.json(stream);
  };
  const client = (token: string | null) => apiClient("http://api", { token: async () => token, renew: async () => null }, { fetch });
  const clock = new FakeClock();
  const audience = new Audience(client(null), client("alice"), clock, "demo", isPrivate);
  audience.start();
  await settled();
  await clock.advance(5000);
  audience.stop();
  expect(audience.viewers).toBe(3);
  return asked;
}

it("asks for a public channel's stream without the owner's token", async () => {
  expect(await asked(false)).toEqual(["GET open", "GET open"]);
});

it("asks for a private channel's stream with a playback token, had once", async () => {
  expect(await asked(true)).toEqual(["POST Bearer alice", "GET Bearer t1", "GET Bearer t1"]);
});

it("counts who watches by what is pushed, and asks less often then", async () => {
  let requests = 0;
  const fetch = async () => ((requests += 1), Response.json(stream));
  const clock = new FakeClock();
  const client = apiClient("http://api", { token: async () => null, renew: async () => null }, { fetch });
  const audience = new Audience(client, client, clock, "demo", false);
  audience.learnPushed({ state: "live", session: "st-0", startedAt: null, viewerCount: 99 });
  audience.isPushed = true;
  audience.start();
  await settled();
  audience.learnPushed({ state: "live", session: "st-1", startedAt: null, viewerCount: 12 });
  expect([audience.viewers, audience.most]).toEqual([12, 12]);
  await clock.advance(60_000);
  audience.stop();
  expect(requests).toBe(4);
});
