import { beforeEach, expect, it } from "vitest";

import { apiClient } from "../api";
import { StreamService } from "./service";

const stream = { channel: "demo", state: "live", startedAt: null, viewerCount: null, health: null, playbackUrl: "https://video/demo.m3u8", session: "st-1" };
const TOKEN_URL = "https://video/demo.m3u8?token=";

let isPublic: boolean;
let exists: boolean;
let signedIn: boolean;
let tokens: number;
let now: number;
let asked: string[];
let service: StreamService;

beforeEach(() => {
  isPublic = false;
  exists = true;
  signedIn = true;
  tokens = 0;
  now = Date.parse("2026-03-01T12:00:00.000Z");
  asked = [];
  const fetch = async (input: RequestInfo | URL) => {
    const request = input as Request;
    const authorization = request.headers.get("authorization");
    asked.push(`${request.method} ${authorization ?? "open"}`);
    if (request.method === "POST") {
      if (authorization !== "Bearer alice") return Response.json({ type: "unauthenticated" }, { status: 401 });
      if (!exists) return Response.json({ type: "not-found" }, { status: 404 });
      tokens += 1;
      const expiresAt = new Date(now + 60_000).toISOString();
      return Response.json({ token: `t${tokens}`, expiresAt, playbackUrl: `${TOKEN_URL}t${tokens}` }, { status: 201 });
    }
    const shown = exists && (isPublic || authorization === `Bearer t${tokens}`);
    return shown ? Response.json(stream) : Response.json({ type: "not-found" }, { status: 404 });
  };
  const client = (token: string | null) => apiClient("http://api", { token: async () => token, renew: async () => null }, { fetch, sleep: async () => {} });
  service = new StreamService(client(null), client("alice"), "demo", () => signedIn, () => now);
});

it("asks for a public channel without anybody's token, whoever is signed in", async () => {
  isPublic = true;
  expect(await service.ask()).toEqual({ kind: "stream", stream });
  expect(asked).toEqual(["GET open"]);
});

it("has a playback token made for a private channel once, and plays with it", async () => {
  const shown = { kind: "stream", stream: { ...stream, playbackUrl: `${TOKEN_URL}t1` } };
  expect(await service.ask()).toEqual(shown);
  expect(await service.ask()).toEqual(shown);
  expect(asked).toEqual(["GET open", "POST Bearer alice", "GET Bearer t1", "GET Bearer t1"]);
});

it("has another one made when the first is about to end, or was refused", async () => {
  await service.ask();
  now += 40_000;
  expect(await service.ask()).toMatchObject({ stream: { playbackUrl: `${TOKEN_URL}t2` } });
  service.forgetToken();
  expect(await service.ask()).toMatchObject({ stream: { playbackUrl: `${TOKEN_URL}t3` } });
});

it("cannot tell a private channel from none for somebody who is not signed in", async () => {
  signedIn = false;
  expect(await service.ask()).toEqual({ kind: "private" });
  exists = false;
  expect(await service.ask()).toEqual({ kind: "private" });
});

it("says not found when there is no token to be had either", async () => {
  exists = false;
  expect(await service.ask()).toEqual({ kind: "not-found" });
});
