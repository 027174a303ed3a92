import { beforeEach, expect, it } from "vitest";

import { settled, TestClock } from "../../../clients/typescript/chat/testing";
import { Problem } from "../problem";
import { follow, pushedChannel } from "./pushed";
import type { Answer } from "./service";

const stream = { channel: "demo", state: "offline", startedAt: null, viewerCount: null, health: null, playbackUrl: "https://video/demo.m3u8", session: null } as const;

let clock: TestClock;
let answer: Answer;
let asked: number;
let learnt: string[];
let listener: { isPushed: boolean; learnPushed: (state: { state: string; viewerCount: number | null }) => void };
let pushed: ReturnType<typeof pushedChannel>;

beforeEach(() => {
  clock = new TestClock();
  answer = { kind: "stream", stream };
  asked = 0;
  learnt = [];
  listener = { isPushed: false, learnPushed: ({ state, viewerCount }) => learnt.push(`${state} ${viewerCount}`) };
  pushed = pushedChannel({ ask: async () => ((asked += 1), answer) }, listener, clock, () => 0);
});

it("tells what the API says on connecting, and then what is pushed", async () => {
  follow(pushed, { connected: true });
  await clock.advance(0);
  expect([listener.isPushed, learnt]).toEqual([false, ["offline null"]]);
  pushed.push({ name: "stream-started", attributes: { sequence: "4", state: "live", session: "st-1", viewerCount: "" } });
  pushed.push({ name: "viewers", attributes: { sequence: "5", state: "live", session: "st-1", viewerCount: "3" } });
  expect([listener.isPushed, ...learnt.slice(1)]).toEqual([true, "live null", "live 3"]);
});

it("says when nothing is pushed any more", async () => {
  follow(pushed, { connected: true });
  await clock.advance(0);
  follow(pushed, { connected: false });
  expect(listener.isPushed).toBe(false);
  pushed.push({ name: "stream-started", attributes: { sequence: "9", state: "live" } });
  expect(learnt).toEqual(["offline null"]);
});

it("asks again when the API did not answer, and not for a channel that is not there", async () => {
  answer = { kind: "problem", problem: new Problem({ type: "unreachable", status: 0, detail: "", requestId: null, retryAfterMs: null }) };
  follow(pushed, { connected: true });
  await clock.advance(10_000);
  expect(asked).toBeGreaterThan(2);
  answer = { kind: "not-found" };
  await clock.advance(120_000);
  asked = 0;
  await clock.advance(600_000);
  await settled();
  expect([asked, learnt]).toEqual([0, []]);
});
