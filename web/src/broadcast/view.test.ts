import { expect, test } from "vitest";

import { Problem } from "../problem";
import type { BroadcastState } from "./broadcast";
import { parseServerMessage } from "./protocol";
import { mimeTypeFor } from "./recording";
import { END_REASONS, howToAllow, NOTICES, STATES, type StateName } from "./states";
import { duration, healthOf, noticesOf, rate, stateOf, type Facts } from "./view";
import { streamOf } from "../testing/browser";

const trouble = { slowedTo: null, recorderReplacedUntil: 0 };
const ready: Facts = {
  secure: true,
  signedIn: true,
  channel: { name: "own", isPrivate: false },
  source: { state: { name: "open" }, hasPicture: true, hasSound: true, muted: false, unplugged: null, stream: streamOf() },
  records: true,
  recordsH264: true,
  broadcast: { state: { name: "idle" }, trouble },
  resumable: false,
  hidden: false,
  online: true,
  starving: false,
  now: 1000,
};
const closed = { ...ready.source, stream: null, hasPicture: false, hasSound: false };
const problem = new Problem({ type: "internal", status: 500, detail: "", requestId: null, retryAfterMs: null });
const during = (state: BroadcastState): Partial<Facts> => ({ broadcast: { state, trouble } });

const CASES: [StateName, Partial<Facts>][] = [
  ["loading", { channel: { name: "loading" } }],
  ["no-channel", { channel: { name: "unnamed" }, signedIn: false }],
  ["signed-out", { signedIn: false }],
  ["channel-missing", { channel: { name: "missing" } }],
  ["not-owner", { channel: { name: "foreign", owner: "bob" } }],
  ["unsupported", { records: false }],
  ["insecure", { source: { ...closed, state: { name: "insecure" } } }],
  ["asking", { source: { ...closed, state: { name: "asking" } } }],
  ["denied", { source: { ...closed, state: { name: "denied" } } }],
  ["no-device", { source: { ...closed, state: { name: "none" } } }],
  ["device-busy", { source: { ...closed, state: { name: "busy" } } }],
  ["ready", {}],
  ["ready-sound-only", { source: { ...ready.source, hasPicture: false } }],
  ["resumable", { resumable: true }],
  ["ticket", during({ name: "ticket" })],
  ["connecting-server", during({ name: "connecting", waitsFor: "server" })],
  ["connecting-ingest", during({ name: "connecting", waitsFor: "ingest" })],
  ["connecting-media", during({ name: "connecting", waitsFor: "media" })],
  ["live", during({ name: "live" })],
  ["reconnecting", during({ name: "reconnecting", attempt: 2, retryAt: 1, since: 0, noRoom: false })],
  ["no-room", during({ name: "reconnecting", attempt: 2, retryAt: 1, since: 0, noRoom: true })],
  ["ingest-lost", during({ name: "ingest-lost", attempt: 1 })],
  ["moving", during({ name: "moving" })],
  ["on-air-elsewhere", during({ name: "on-air-elsewhere" })],
  ["no-server", during({ name: "no-server", retryAt: 1 })],
  ["ending", during({ name: "ending" })],
  ["ended", during({ name: "ended", reason: "quiet", detail: null, liveMs: 1 })],
  ["key-refused", during({ name: "ended", reason: "key-refused", detail: null, liveMs: 0 })],
  ["failed", during({ name: "failed", problem })],
];

test.each(CASES)("shows %s", (state, facts) => {
  expect(stateOf({ ...ready, ...facts })).toBe(state);
});

test("an insecure page says so before it asks for a sign-in, which cannot work there", () => {
  expect(stateOf({ ...ready, secure: false, signedIn: false })).toBe("insecure");
});

test("each state is shown by one of these cases", () => {
  expect(CASES.map(([state]) => state).sort()).toEqual(Object.keys(STATES).sort());
});

test("what is on air is shown, whatever else changes", () => {
  const facts = { ...ready, ...during({ name: "live" }), signedIn: false, source: { ...closed, state: { name: "none" as const } } };
  expect(stateOf(facts)).toBe("live");
});

test("each text says something in whole sentences, and differs from the others", () => {
  const texts = [...Object.values(STATES).map(({ text }) => text), ...Object.values(END_REASONS), ...Object.values(NOTICES)];
  for (const text of texts) expect(text).toMatch(/[.}]$/);
  expect(new Set(texts).size).toBe(texts.length);
});

test("notices say what is wrong, beside the state", () => {
  expect(noticesOf(ready)).toEqual([]);
  const facts: Facts = { ...ready, ...during({ name: "live" }), hidden: true, online: false, starving: true, recordsH264: false };
  expect(noticesOf({ ...facts, source: { ...ready.source, muted: true } })).toEqual(["offline", "muted", "starving", "no-h264", "hidden"]);
  const unplugged = { kind: "camera" as const, name: "Front", instead: null };
  expect(noticesOf({ ...ready, ...during({ name: "live" }), source: { ...ready.source, hasPicture: false, unplugged } })).toEqual(["camera-unplugged"]);
  expect(noticesOf({ ...ready, source: { ...ready.source, unplugged: { ...unplugged, instead: "Desk" } } })).toEqual(["camera-replaced"]);
  const slow = { state: { name: "live" as const }, trouble: { slowedTo: 1_000_000, recorderReplacedUntil: 1001 } };
  expect(noticesOf({ ...ready, broadcast: slow, starving: true })).toEqual(["slow", "recorder-replaced"]);
});

test("health goes by what is late, dropped and said by the service", () => {
  const good = { bufferedBytes: 0, bitrate: 2_000_000, bufferedMs: 200, droppedLately: 0, starving: false };
  expect(healthOf(good)).toBe("good");
  expect(healthOf({ ...good, droppedLately: 1 })).toBe("unsteady");
  expect(healthOf({ ...good, bufferedBytes: 300_000 })).toBe("unsteady");
  expect(healthOf({ ...good, bufferedBytes: 800_000 })).toBe("poor");
  expect(healthOf({ ...good, starving: true })).toBe("poor");
});

test("time and bitrates are written for people", () => {
  expect([0, 61_000, 3_723_000].map(duration)).toEqual(["0:00", "1:01", "1:02:03"]);
  expect([400_000, 1_500_000, 4_000_000].map(rate)).toEqual(["400 kbit/s", "1.5 Mbit/s", "4 Mbit/s"]);
  expect(howToAllow("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0")).toContain("crossed-out camera");
});

test("records H.264 in Matroska if it can, VP8 in Firefox, and sound alone", () => {
  const chromium = () => true;
  const firefox = (type: string) => !/avc1|h264|matroska/.test(type);
  expect(mimeTypeFor(streamOf(), chromium)).toBe("video/x-matroska;codecs=avc1,opus");
  expect(mimeTypeFor(streamOf("video"), chromium)).toBe("video/x-matroska;codecs=avc1");
  expect(mimeTypeFor(streamOf(), firefox)).toBe("video/webm;codecs=vp8,opus");
  expect(mimeTypeFor(streamOf("audio"), firefox)).toBe("audio/webm;codecs=opus");
  expect(mimeTypeFor(streamOf(), () => false)).toBeNull();
});

test("frames that are none of this version are passed over", () => {
  for (const frame of ["", "null", "{", "[]", '{"type":"news"}', '{"type":"state","state":"odd"}', new ArrayBuffer(1)]) {
    expect(parseServerMessage(frame)).toBeNull();
  }
  expect(parseServerMessage('{"type":"end","reason":"lost"}')).toEqual({ type: "end", reason: "lost", detail: null });
});
