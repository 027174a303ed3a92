import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { applyToChannel, applyToStage, PushedState, type ChannelState, type PushedOptions, type StageState } from "./pushed.js";
import type { ChatEvent } from "./room.js";
import { seeded, settled, TestClock } from "./testing.js";

const OFFLINE: ChannelState = { state: "offline", session: null, startedAt: null, viewerCount: null };
const live = (session: string, viewerCount: number | null = 1): ChannelState => ({ state: "live", session, startedAt: "2026-03-01T12:00:00Z", viewerCount });

/** An event as the service pushes it: with the whole state of the channel. */
function eventOf(sequence: number, name: string, { state, session, startedAt, viewerCount }: ChannelState): ChatEvent {
  const texts = { state, session, startedAt, viewerCount: viewerCount === null ? null : String(viewerCount) };
  const told = Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== null);
  return { name, attributes: { sequence: String(sequence), at: "2026-03-01T12:00:00Z", ...Object.fromEntries(told) } };
}

function channel(clock: TestClock, ask: () => Promise<ChannelState | null>, random = () => 0.5): PushedState<ChannelState> {
  return new PushedState({ ask, apply: applyToChannel, onChange: () => {}, clock, random });
}

describe("a channel's state", () => {
  it("asks when it connects, and when it is connected again", async () => {
    const clock = new TestClock();
    let answer: ChannelState = OFFLINE;
    let asked = 0;
    const pushed = channel(clock, async () => ((asked += 1), answer));
    pushed.connect();
    await clock.advance(0);
    assert.deepEqual(pushed.state, OFFLINE);
    pushed.disconnect();
    answer = live("st-1");
    pushed.connect();
    await clock.advance(0);
    assert.deepEqual(pushed.state, live("st-1"));
    assert.equal(asked, 2);
    await clock.advance(60_000);
    assert.equal(asked, 3);
  });

  it("takes what is pushed in order without asking", async () => {
    const clock = new TestClock();
    let asked = 0;
    const pushed = channel(clock, async () => ((asked += 1), OFFLINE));
    pushed.connect();
    await clock.advance(10_000);
    pushed.push(eventOf(7, "stream-started", live("st-1", null)));
    pushed.push(eventOf(8, "viewers", live("st-1", 5)));
    assert.deepEqual(pushed.state, live("st-1", 5));
    pushed.push(eventOf(9, "stream-ended", OFFLINE));
    await clock.advance(60_000);
    assert.deepEqual(pushed.state, OFFLINE);
    assert.equal(asked, 2);
  });

  it("drops what is older or repeated", async () => {
    const clock = new TestClock();
    const pushed = channel(clock, async () => OFFLINE);
    pushed.connect();
    await clock.advance(5000);
    pushed.push(eventOf(9, "stream-ended", OFFLINE));
    pushed.push(eventOf(8, "viewers", live("st-1", 5)));
    pushed.push(eventOf(9, "viewers", live("st-1", 6)));
    assert.deepEqual(pushed.state, OFFLINE);
  });

  it("asks when it has missed one, once an answer cannot be a cached one of before", async () => {
    const clock = new TestClock();
    const asked: number[] = [];
    const pushed = channel(clock, async () => (asked.push(clock.now()), live("st-2", 9)), () => 0);
    pushed.connect();
    await clock.advance(5000);
    pushed.push(eventOf(7, "viewers", live("st-1", 5)));
    pushed.push(eventOf(9, "viewers", live("st-2", 1)));
    const missed = clock.now();
    await clock.advance(10_000);
    assert.deepEqual(asked.slice(2).map((at) => at - missed), [2000]);
    assert.deepEqual(pushed.state, live("st-2", 9));
  });

  it("does not take an answer for newer than an event that came while it was on its way", async () => {
    const clock = new TestClock();
    let answer = (_: ChannelState) => {};
    const pushed = channel(clock, () => new Promise((resolve) => (answer = resolve)));
    pushed.connect();
    await clock.advance(0);
    pushed.push(eventOf(3, "stream-started", live("st-1")));
    answer(OFFLINE);
    await settled();
    assert.deepEqual(pushed.state, live("st-1"));
  });

  it("takes nothing from events that are not the service's", async () => {
    const clock = new TestClock();
    const pushed = channel(clock, async () => OFFLINE);
    pushed.connect();
    await clock.advance(0);
    pushed.push({ name: "stream-started", attributes: { state: "live" } });
    pushed.push({ name: "stream-started", attributes: { state: "live", sequence: "NaN" } });
    assert.deepEqual(pushed.state, OFFLINE);
  });

  it("asks ever more slowly while there is no answer", async () => {
    const clock = new TestClock();
    let asked = 0;
    const pushed = channel(clock, async () => ((asked += 1), Promise.reject(new Error("offline"))));
    pushed.connect();
    await clock.advance(600_000);
    assert(asked >= 10 && asked <= 16, `${asked}`);
  });
});

/** What a channel or stage has gone through: each event, when it was sent, and the state of then. */
interface History<S> {
  sent: { at: number; event: ChatEvent; after: S }[];
  until: number;
}

function channelHistory(random: () => number): History<ChannelState> {
  const history: History<ChannelState> = { sent: [], until: 0 };
  let state = OFFLINE;
  let at = 0;
  const length = 5 + Math.floor(40 * random());
  for (let sequence = 1; sequence <= length; sequence += 1) {
    at += 50 + 8000 * random() ** 3;
    const name = state.state === "offline" ? "stream-started" : random() < 0.3 ? "stream-ended" : "viewers";
    if (name === "stream-started") state = live(`st-${sequence}`, null);
    else if (name === "stream-ended") state = OFFLINE;
    else state = { ...state, viewerCount: Math.floor(1000 * random()) };
    history.sent.push({ at, event: eventOf(sequence, name, state), after: state });
  }
  history.until = at;
  return history;
}

function stageHistory(random: () => number): History<StageState> {
  const history: History<StageState> = { sent: [], until: 0 };
  let state: StageState = { doors: "open", publishing: {} };
  let at = 0;
  const length = 5 + Math.floor(40 * random());
  for (let sequence = 1; sequence <= length; sequence += 1) {
    at += 50 + 8000 * random() ** 3;
    const user = `u${Math.floor(4 * random())}`;
    const name = random() < 0.2 ? "doors" : `p-${user}` in state.publishing ? "unpublished" : "published";
    const doors = state.doors === "open" ? "closed" : "open";
    const event = { name, attributes: { sequence: String(sequence), ...(name === "doors" ? { doors } : { participantId: `p-${user}`, userId: user }) } };
    state = applyToStage(state, event)!;
    history.sent.push({ at, event, after: state });
  }
  history.until = at;
  return history;
}

/**
 * Runs viewers through a history. One gets every event; one is offline for a while; one gets all of them shuffled, doubled and late; one loses some,
 * but not the last. The API's answers are up to two seconds old, as cached ones are, and take some time.
 */
async function ends<S>(history: History<S>, first: S, kind: Pick<PushedOptions<S>, "apply" | "cachedMs" | "deltas">, random: () => number): Promise<(S | null)[]> {
  const clock = new TestClock();
  const begin = clock.now();
  const stateAt = (time: number) => history.sent.filter(({ at }) => at <= time).at(-1)?.after ?? first;
  const viewer = () =>
    new PushedState<S>({
      ...kind,
      ask: () => new Promise((resolve) => {
        const answer = stateAt(clock.now() - begin - (kind.cachedMs ?? 0) * random());
        clock.after(1500 * random(), () => resolve(answer));
      }),
      onChange: () => {},
      clock,
      random,
    });
  const [all, offline, shuffled, lossy] = [viewer(), viewer(), viewer(), viewer()];
  for (const one of [all, offline, shuffled, lossy]) one.connect();
  const [from, to] = [random(), random()].sort().map((share) => share * history.until * 1.2) as [number, number];
  clock.after(from, () => offline.disconnect());
  clock.after(to, () => offline.connect());
  for (const [index, { at, event }] of history.sent.entries()) {
    clock.after(at, () => all.push(event));
    clock.after(at, () => offline.push(event));
    if (index === history.sent.length - 1 || random() < 0.7) clock.after(at, () => lossy.push(event));
    for (let copy = 0; copy < 1 + 2 * random(); copy += 1) clock.after(at + 20_000 * random() ** 2, () => shuffled.push(event));
  }
  await clock.advance(history.until + 120_000);
  return [all, offline, shuffled, lossy].map(({ state }) => state);
}

describe("whatever way the events come, the end is the same", () => {
  const RUNS = 200;
  it("of a channel", async () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const random = seeded(seed);
      const history = channelHistory(random);
      const last = history.sent.at(-1)!.after;
      assert.deepEqual(await ends(history, OFFLINE, { apply: applyToChannel, cachedMs: 2000 }, random), [last, last, last, last], `seed ${seed}`);
    }
  });

  it("of a stage, whose events tell one change each", async () => {
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const random = seeded(seed);
      const history = stageHistory(random);
      const last = history.sent.at(-1)!.after;
      const first: StageState = { doors: "open", publishing: {} };
      assert.deepEqual(await ends(history, first, { apply: applyToStage, cachedMs: 0, deltas: true }, random), [last, last, last, last], `seed ${seed}`);
    }
  });
});
