import { beforeEach, describe, expect, test } from "vitest";

import { apiClient } from "../api";
import { FakeClock, FakeMediaRecorder, FakeWebSocket, fakeFetch, problem, settled, streamOf, type Answer } from "../testing/browser";
import { Broadcast, LOWEST_BITRATE } from "./broadcast";
import type { MediaBrowser } from "./link";

let clock: FakeClock;
let asked: string[];
/** What the API answers to `POST /broadcasts` and the like, where it is not a ticket. */
let answers: Record<string, Answer[]>;
let broadcast: Broadcast;

beforeEach(() => {
  clock = new FakeClock();
  FakeWebSocket.all = [];
  FakeMediaRecorder.all = [];
  FakeMediaRecorder.failing = false;
  asked = [];
  answers = {};
  let tickets = 0;
  const { fetch } = fakeFetch(async (request) => {
    const path = `${request.method} ${new URL(request.url).pathname}`;
    asked.push(`${path} ${await request.text()}`.trim());
    const prepared = answers[path]?.shift();
    if (prepared !== undefined) return prepared;
    if (request.method !== "POST") return { status: 204 };
    tickets += 1;
    const body = { broadcast: "bc-1", url: `ws://server-${tickets}/`, ticket: `bc-1.secret${tickets}`, expiresAt: "2026-03-01T12:01:00.000Z" };
    return { status: 201, body };
  });
  const api = apiClient("https://api.example.com", { token: async () => "token", renew: async () => null }, { fetch, sleep: async () => {} });
  const browser = { WebSocket: FakeWebSocket, MediaRecorder: FakeMediaRecorder, clock, random: () => 0.5 } as unknown as MediaBrowser;
  broadcast = new Broadcast(api, browser, "demo", 2_500_000);
  broadcast.stream = streamOf();
});

/** The broadcast has a ticket, and connects with it. */
async function connecting(): Promise<FakeWebSocket> {
  broadcast.goLive();
  await settled();
  return FakeWebSocket.last;
}

async function live(): Promise<FakeWebSocket> {
  const socket = await connecting();
  socket.isReady();
  FakeMediaRecorder.last.starts();
  FakeMediaRecorder.last.gives(100);
  socket.goesLive();
  return socket;
}

const stats = { type: "stats", receivedBytes: 1, sentBytes: 1, sentKbps: 2000, droppedFrames: 0, bufferedMs: 0 };

describe("going live", () => {
  test("takes a ticket, connects with it in the subprotocol, records, and is live when the server says so", async () => {
    broadcast.goLive();
    expect(broadcast.state).toEqual({ name: "ticket" });
    await settled();
    expect(asked).toEqual(['POST /broadcasts {"channel":"demo","takeOver":false}']);
    const socket = FakeWebSocket.last;
    expect(socket.url).toBe("ws://server-1/");
    expect(socket.protocols).toEqual(["greenroom.broadcast.v1", "greenroom.ticket.bc-1.secret1"]);
    expect(broadcast.state).toEqual({ name: "connecting", waitsFor: "server" });
    expect(FakeMediaRecorder.all).toHaveLength(0);

    socket.isReady();
    expect(broadcast.state).toEqual({ name: "connecting", waitsFor: "ingest" });
    const recorder = FakeMediaRecorder.last;
    expect(recorder.options).toEqual({
      mimeType: "video/x-matroska;codecs=avc1,opus",
      videoBitsPerSecond: 2_500_000,
      audioBitsPerSecond: 128_000,
      videoKeyFrameIntervalDuration: 1000,
    });
    expect(recorder.timeslice).toBe(100);
    recorder.starts();
    recorder.gives(100);
    expect(socket.messages).toEqual([{ type: "start", mimeType: "video/x-matroska;codecs=avc1,opus" }]);
    expect(socket.chunks.map(({ size }) => size)).toEqual([100]);

    socket.says({ type: "state", state: "connecting", waitsFor: "media" });
    expect(broadcast.state).toEqual({ name: "connecting", waitsFor: "media" });
    socket.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
    expect(broadcast.liveSince).toBe(clock.now());
  });

  test("asks before it ends somebody else's broadcast", async () => {
    answers["POST /broadcasts"] = [problem(409, "on-air")];
    broadcast.goLive();
    await settled();
    expect(broadcast.state).toEqual({ name: "on-air-elsewhere" });
    expect(broadcast.active).toBe(false);
    broadcast.goLive(true);
    await settled();
    expect(asked[1]).toBe('POST /broadcasts {"channel":"demo","takeOver":true}');
    expect(broadcast.state.name).toBe("connecting");
  });

  test("asks again for a server when the API said to, and can be called off", async () => {
    answers["POST /broadcasts"] = [problem(503, "no-server", { "retry-after": "7" }), problem(503, "no-server", { "retry-after": "7" })];
    broadcast.goLive();
    await settled();
    expect(broadcast.state).toEqual({ name: "no-server", retryAt: clock.now() + 7000 });
    await clock.advance(6999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(asked).toHaveLength(2);
    broadcast.stop();
    expect(broadcast.state).toEqual({ name: "idle" });
    await clock.advance(60_000);
    expect(asked).toHaveLength(2);
  });

  test("says what else the API refused", async () => {
    answers["POST /broadcasts"] = [problem(403, "not-owner")];
    broadcast.goLive();
    await settled();
    expect(broadcast.state).toMatchObject({ name: "failed", problem: { type: "not-owner", requestId: "request-1" } });
  });

  test("that is cancelled ends the ticket that comes late", async () => {
    broadcast.goLive();
    broadcast.stop();
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "stopped", liveMs: 0 });
    await settled();
    expect(FakeWebSocket.all).toHaveLength(0);
    expect(asked.at(-1)).toBe("DELETE /broadcasts/bc-1");
  });

  test("takes over without a question right after a broadcast of its own", async () => {
    const socket = await live();
    socket.says({ type: "end", reason: "stopped" });
    broadcast.goLive();
    await settled();
    expect(asked.at(-1)).toBe('POST /broadcasts {"channel":"demo","takeOver":true}');
  });

  test("but not right after it was taken over itself", async () => {
    const socket = await live();
    socket.closes(4409);
    broadcast.goLive();
    await settled();
    expect(asked.at(-1)).toBe('POST /broadcasts {"channel":"demo","takeOver":false}');
  });

  test("gives up on a server that does not answer, and gets another ticket", async () => {
    await connecting();
    await clock.advance(10_000);
    expect(asked.at(-1)).toBe("POST /broadcasts/bc-1/tickets");
    expect(FakeWebSocket.all).toHaveLength(2);
  });
});

describe("ending", () => {
  test("tells the server, and waits for it", async () => {
    const socket = await live();
    await clock.advance(2000);
    broadcast.stop();
    expect(broadcast.state).toEqual({ name: "ending" });
    expect(socket.messages.at(-1)).toEqual({ type: "stop" });
    socket.says({ type: "end", reason: "stopped" });
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "stopped", liveMs: 2000 });
    expect(broadcast.id).toBeNull();
  });

  test("tells the API when the server is silent", async () => {
    await live();
    broadcast.stop();
    await clock.advance(3000);
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "stopped" });
    expect(asked.at(-1)).toBe("DELETE /broadcasts/bc-1");
  });

  test("sends no media after the stop", async () => {
    const socket = await live();
    broadcast.stop();
    FakeMediaRecorder.last.gives(50);
    await settled();
    expect(socket.sent.at(-1)).toBe('{"type":"stop"}');
  });

  test("while reconnecting is told to the API, and nothing is tried any more", async () => {
    const socket = await live();
    socket.closes(1006);
    broadcast.stop();
    await settled();
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "stopped" });
    expect(asked.at(-1)).toBe("DELETE /broadcasts/bc-1");
    await clock.advance(60_000);
    expect(FakeWebSocket.all).toHaveLength(1);
  });

  test("by leaving the page stops at once", async () => {
    const socket = await live();
    broadcast.leave();
    expect(socket.messages.at(-1)).toEqual({ type: "stop" });
    expect(socket.closedWith).toBe(1000);
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "stopped" });
  });

  test.each([
    [1000, "stopped"],
    [4403, "target-refused"],
    [4408, "quiet"],
    [4409, "taken-over"],
    [4415, "unusable-media"],
    [4502, "ingest-unreachable"],
  ])("close code %i is the end: %s", async (code, reason) => {
    const socket = await live();
    socket.closes(code);
    expect(broadcast.state).toMatchObject({ name: "ended", reason });
  });

  test("is for the reason that the server gives, with its detail", async () => {
    const socket = await live();
    socket.says({ type: "end", reason: "key-refused", detail: "the ingest answers BadName" });
    socket.closes(4403);
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "key-refused", detail: "the ingest answers BadName" });
  });

  test("a server that does not understand the page is a failure, not an end", async () => {
    const socket = await live();
    socket.closes(4400);
    expect(broadcast.state).toMatchObject({ name: "failed" });
  });
});

describe("a lost connection", () => {
  test.each([1006, 1011, 4401, 4429, 4500, 4503])("(%i) is taken up again at once with another ticket", async (code) => {
    const first = await live();
    await clock.advance(1000);
    first.closes(code);
    expect(broadcast.state).toEqual({ name: "reconnecting", attempt: 1, retryAt: clock.now(), since: clock.now(), noRoom: code === 4429 });
    await clock.advance(0);
    expect(asked.at(-1)).toBe("POST /broadcasts/bc-1/tickets");
    const second = FakeWebSocket.last;
    expect(second).not.toBe(first);
    const began = broadcast.liveSince;
    second.isReady();
    expect(broadcast.state).toMatchObject({ name: "reconnecting", attempt: 1, retryAt: null });
    second.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
    expect(broadcast.liveSince).toBe(began);
    expect(FakeMediaRecorder.all).toHaveLength(2);
  });

  test("to servers without room is said to be that, until there is a server with room", async () => {
    answers["POST /broadcasts/bc-1/tickets"] = [problem(503, "no-server", { "retry-after": "2" })];
    const first = await live();
    first.closes(4429);
    expect(broadcast.state).toMatchObject({ name: "reconnecting", noRoom: true });
    await clock.advance(0);
    expect(broadcast.state).toMatchObject({ attempt: 2, noRoom: true });
    await clock.advance(2000);
    expect(broadcast.state).toMatchObject({ retryAt: null, noRoom: true });
    FakeWebSocket.last.closes(1006);
    expect(broadcast.state).toMatchObject({ attempt: 3, noRoom: false });
  });

  test("is tried with growing pauses while the API is out of reach", async () => {
    answers["POST /broadcasts/bc-1/tickets"] = [1, 2, 3].map(() => problem(503, "unavailable"));
    const first = await live();
    first.closes(1006);
    await clock.advance(0);
    expect(broadcast.state).toMatchObject({ attempt: 2, retryAt: clock.now() + 500 });
    await clock.advance(500);
    expect(broadcast.state).toMatchObject({ attempt: 3, retryAt: clock.now() + 1000 });
    await clock.advance(1000);
    expect(broadcast.state).toMatchObject({ attempt: 4, retryAt: clock.now() + 2000 });
    await clock.advance(2000);
    FakeWebSocket.last.isReady();
    FakeWebSocket.last.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
  });

  test("waits as long as the API asks for", async () => {
    answers["POST /broadcasts/bc-1/tickets"] = [problem(503, "no-server", { "retry-after": "9" })];
    (await live()).closes(4503);
    await clock.advance(0);
    expect(broadcast.state).toMatchObject({ name: "reconnecting", retryAt: clock.now() + 9000 });
    broadcast.retryNow();
    await settled();
    expect(FakeWebSocket.all).toHaveLength(2);
  });

  test("that comes again and again is not retried without a pause", async () => {
    const first = await live();
    first.closes(1006);
    await clock.advance(0);
    FakeWebSocket.last.isReady();
    FakeWebSocket.last.goesLive();
    FakeWebSocket.last.closes(1006);
    expect(broadcast.state).toMatchObject({ attempt: 2, retryAt: clock.now() + 500 });
  });

  test("after ten good seconds begins with the first attempt", async () => {
    const first = await live();
    first.closes(1006);
    await clock.advance(0);
    FakeWebSocket.last.isReady();
    FakeWebSocket.last.goesLive();
    await clock.advance(10_000);
    FakeWebSocket.last.closes(1006);
    expect(broadcast.state).toMatchObject({ attempt: 1 });
  });

  test("of a broadcast that has ended meanwhile shows how it ended", async () => {
    answers["POST /broadcasts/bc-1/tickets"] = [problem(409, "broadcast-ended")];
    answers["GET /broadcasts/bc-1"] = [{ status: 200, body: { broadcast: "bc-1", state: "ended", endReason: "server-lost" } }];
    (await live()).closes(1006);
    await clock.advance(0);
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "server-lost" });
  });

  test("is a failure when the sign-in has ended, too", async () => {
    answers["POST /broadcasts/bc-1/tickets"] = [problem(401, "unauthenticated")];
    (await live()).closes(1006);
    await clock.advance(0);
    expect(broadcast.state).toMatchObject({ name: "failed", problem: { type: "unauthenticated" } });
  });

  test("is noticed when the server's figures stop coming", async () => {
    const socket = await live();
    socket.says(stats);
    await clock.advance(2000);
    socket.says({ type: "state", state: "live" });
    await clock.advance(7999);
    expect(broadcast.state.name).toBe("live");
    await clock.advance(1);
    expect(broadcast.state.name).toBe("reconnecting");
  });

  test("says nothing more: what the old socket and recorder bring late is not heard", async () => {
    const old = await live();
    const recorder = FakeMediaRecorder.last;
    old.closes(1006);
    await clock.advance(0);
    const fresh = FakeWebSocket.last;
    fresh.isReady();
    FakeMediaRecorder.last.starts();
    fresh.goesLive();
    old.says({ type: "end", reason: "deleted" });
    old.closes(4409);
    old.says({ type: "move", withinSeconds: 5 });
    recorder.gives(99);
    recorder.dispatchEvent(new Event("stop"));
    recorder.dispatchEvent(new Event("error"));
    await settled();
    expect(broadcast.state).toEqual({ name: "live" });
    expect(fresh.chunks).toHaveLength(0);
    expect(FakeMediaRecorder.all).toHaveLength(2);
  });

  test("of the ingest is the server's to mend", async () => {
    const socket = await live();
    socket.says({ type: "state", state: "reconnecting", attempt: 2 });
    expect(broadcast.state).toEqual({ name: "ingest-lost", attempt: 2 });
    expect(FakeMediaRecorder.last.state).toBe("recording");
    socket.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
  });
});

describe("moving", () => {
  test("makes the next connection before it breaks the old one", async () => {
    const old = await live();
    const before = FakeMediaRecorder.last;
    old.says({ type: "move", withinSeconds: 30 });
    expect(broadcast.state).toEqual({ name: "moving" });
    await settled();
    const next = FakeWebSocket.last;
    expect(next.url).toBe("ws://server-2/");
    next.isReady();
    FakeMediaRecorder.last.starts();
    FakeMediaRecorder.last.gives(10);
    before.gives(20);
    expect(next.chunks.map(({ size }) => size)).toEqual([10]);
    expect(old.chunks.map(({ size }) => size)).toEqual([100, 20]);
    expect(old.closedWith).toBeNull();
    next.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
    expect(old.closedWith).toBe(1000);
    expect(old.messages.map(({ type }) => type)).toEqual(["start"]);
    expect(before.state).toBe("inactive");
  });

  test("is no end when the old server sees itself superseded", async () => {
    const old = await live();
    old.says({ type: "move", withinSeconds: 30 });
    await settled();
    const next = FakeWebSocket.last;
    old.says({ type: "end", reason: "taken-over" });
    old.closes(4409);
    expect(broadcast.state).toEqual({ name: "moving" });
    next.isReady();
    next.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
  });

  test("is a lost connection when the next server had the broadcast, and has no room for it", async () => {
    const old = await live();
    old.says({ type: "move", withinSeconds: 30 });
    await settled();
    FakeWebSocket.last.isReady();
    FakeWebSocket.last.closes(4429);
    expect(broadcast.state).toEqual({ name: "moving" });
    old.closes(4409);
    expect(broadcast.state).toMatchObject({ name: "reconnecting", noRoom: true });
    await clock.advance(500);
    FakeWebSocket.last.isReady();
    expect(broadcast.state).toMatchObject({ name: "reconnecting", noRoom: false });
    FakeWebSocket.last.goesLive();
    FakeWebSocket.last.closes(4409);
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "taken-over" });
  });

  test("is a lost connection when the old server left and the next one fails", async () => {
    const old = await live();
    old.says({ type: "move", withinSeconds: 1 });
    await settled();
    old.closes(4503);
    FakeWebSocket.last.closes(1006);
    expect(broadcast.state.name).toBe("reconnecting");
    await clock.advance(500);
    expect(FakeWebSocket.all).toHaveLength(3);
  });

  test("is tried again while the old server still sends", async () => {
    answers["POST /broadcasts/bc-1/tickets"] = [problem(503, "no-server", { "retry-after": "2" })];
    const old = await live();
    old.says({ type: "move", withinSeconds: 30 });
    await settled();
    await clock.advance(2000);
    expect(FakeWebSocket.all).toHaveLength(2);
    FakeWebSocket.last.closes(4401);
    expect(broadcast.state).toEqual({ name: "moving" });
    await clock.advance(1000);
    expect(FakeWebSocket.all).toHaveLength(3);
    FakeWebSocket.last.isReady();
    FakeWebSocket.last.goesLive();
    expect(broadcast.state).toEqual({ name: "live" });
  });

  test("is over when the broadcast really ends", async () => {
    const old = await live();
    old.says({ type: "move", withinSeconds: 30 });
    await settled();
    old.says({ type: "end", reason: "deleted" });
    expect(broadcast.state).toMatchObject({ name: "ended", reason: "deleted" });
    expect(FakeWebSocket.last.closedWith).toBe(1000);
  });
});

describe("a recorder", () => {
  test("that falls silent is replaced, with another start", async () => {
    const socket = await live();
    await clock.advance(3000);
    expect(FakeMediaRecorder.all).toHaveLength(2);
    FakeMediaRecorder.last.starts();
    expect(socket.messages.map(({ type }) => type)).toEqual(["start", "start"]);
    expect(broadcast.trouble.recorderReplacedUntil).toBeGreaterThan(clock.now());
    expect(broadcast.state.name).toBe("live");
  });

  test("that fell silent while timers slept is found out by the server's figures", async () => {
    const socket = await live();
    clock.skip(4000);
    socket.says(stats);
    expect(FakeMediaRecorder.all).toHaveLength(2);
  });

  test("that ends by itself is replaced", async () => {
    await live();
    FakeMediaRecorder.last.stop();
    await settled();
    expect(FakeMediaRecorder.all).toHaveLength(2);
  });

  test("gives empty chunks that are not sent and do not count", async () => {
    const socket = await live();
    await clock.advance(2000);
    FakeMediaRecorder.last.gives(0);
    expect(socket.chunks).toHaveLength(1);
    await clock.advance(1000);
    expect(FakeMediaRecorder.all).toHaveLength(2);
  });

  test("that breaks now and then is replaced each time", async () => {
    await live();
    for (let time = 0; time < 6; time += 1) {
      FakeMediaRecorder.last.stop();
      await settled();
      FakeMediaRecorder.last.gives(10);
    }
    expect(FakeMediaRecorder.all).toHaveLength(7);
    expect(broadcast.state.name).toBe("live");
  });

  test("that never lasts fails the broadcast", async () => {
    const socket = await live();
    FakeMediaRecorder.failing = true;
    await clock.advance(4000);
    expect(socket.messages.at(-1)).toEqual({ type: "stop" });
    expect(broadcast.state).toMatchObject({ name: "failed", problem: { detail: expect.stringContaining("NotSupportedError") as string } });
  });

  test("is another one for another stream, and for the server's asking", async () => {
    const socket = await live();
    const other = streamOf("audio");
    broadcast.stream = other;
    expect(FakeMediaRecorder.last.stream).toBe(other);
    expect(FakeMediaRecorder.last.options.mimeType).toBe("audio/webm;codecs=opus");
    socket.says({ type: "restart", reason: "ffmpeg died" });
    expect(FakeMediaRecorder.all).toHaveLength(3);
  });

  test("has its chunks cut to what the server takes", async () => {
    const socket = await connecting();
    socket.isReady(40);
    FakeMediaRecorder.last.starts();
    FakeMediaRecorder.last.gives(100);
    expect(socket.chunks.map(({ size }) => size)).toEqual([40, 40, 20]);
  });
});

describe("a slow connection", () => {
  test("lowers the bitrate after some seconds, step by step, and not below the lowest", async () => {
    const socket = await live();
    const feed = async () => {
      FakeMediaRecorder.last.gives(100);
      await clock.advance(1000);
    };
    socket.bufferedAmount = 600_000;
    for (let second = 0; second < 3; second += 1) await feed();
    expect(broadcast.trouble.slowedTo).toBeNull();
    await feed();
    expect(broadcast.trouble.slowedTo).toBe(1_500_000);
    expect(FakeMediaRecorder.last.options.videoBitsPerSecond).toBe(1_500_000);
    for (let second = 0; second < 40; second += 1) await feed();
    expect(broadcast.trouble.slowedTo).toBe(LOWEST_BITRATE);
    expect(broadcast.state.name).toBe("live");
  });

  test("with megabytes unsent is given up for a new one at a lower bitrate", async () => {
    const socket = await live();
    socket.bufferedAmount = 4_000_001;
    await clock.advance(1000);
    expect(asked.at(-1)).toBe("POST /broadcasts/bc-1/tickets");
    expect(socket.closedWith).toBe(1000);
    FakeWebSocket.last.isReady();
    expect(FakeMediaRecorder.last.options.videoBitsPerSecond).toBe(1_500_000);
  });

  test("goes back to a bitrate that somebody chooses", async () => {
    const socket = await live();
    socket.bufferedAmount = 4_000_001;
    await clock.advance(1000);
    FakeWebSocket.last.isReady();
    broadcast.bitrate = 2_500_000;
    expect(broadcast.trouble.slowedTo).toBeNull();
    expect(FakeMediaRecorder.last.options.videoBitsPerSecond).toBe(2_500_000);
  });
});

test("a broadcast of before the page was loaded is gone on with", async () => {
  broadcast.resume("bc-1", "2026-03-01T11:59:00.000Z");
  await clock.advance(0);
  expect(asked).toEqual(["POST /broadcasts/bc-1/tickets"]);
  FakeWebSocket.last.isReady();
  FakeWebSocket.last.goesLive();
  expect(broadcast.state).toEqual({ name: "live" });
  expect(broadcast.liveSince).toBe(Date.UTC(2026, 2, 1, 11, 59));
});
