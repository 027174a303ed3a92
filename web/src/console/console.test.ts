import { describe, expect, it } from "vitest";

import { curlOf, quoted, repeatOf } from "./curl";
import { describe as sentenceOf, eventFaultOf, faultOf, timesOf } from "./faults";
import { LocalCloud, type State } from "./local";
import { capacityOf, KEPT, readableLine, RequestLog, type ApiRequest, type Call } from "./requests";
import { RowService } from "./row-service";
import { lineOf, rowsOf, streamOf, tabAfter, TABS, timeOf } from "./tabs";
import { windowOf } from "./window";

const request = (seq: number, more: Partial<ApiRequest> = {}): ApiRequest => ({
  seq,
  change: seq,
  at: "2026-03-01T12:00:00.000Z",
  method: "GET",
  path: "/stages",
  route: null,
  status: 200,
  ms: 1,
  sub: "alice",
  function: null,
  requestId: null,
  problem: null,
  refused: null,
  calls: [],
  lines: [],
  ...more,
});
const seqs = (log: RequestLog) => log.shown.map(({ seq }) => seq);

describe("requests", () => {
  it("has the newest first, however they come", () => {
    const log = new RequestLog();
    for (const seq of [1, 3, 2]) log.add(request(seq));
    expect(seqs(log)).toEqual([3, 2, 1]);
  });

  it("replaces a request of which more is known, and not by one of which less is", () => {
    const log = new RequestLog();
    log.add(request(1, { change: 5, status: 201 }));
    log.add(request(1, { change: 4, status: null }));
    expect(log.shown[0]?.status).toBe(201);
    log.add(request(1, { change: 6, status: 500 }));
    expect(log.shown).toHaveLength(1);
    expect(log.shown[0]?.status).toBe(500);
  });

  it("keeps the latest ten thousand", () => {
    const log = new RequestLog();
    for (let seq = 1; seq <= KEPT + 5; seq += 1) log.add(request(seq));
    expect(log.count).toBe(KEPT);
    expect(seqs(log).at(-1)).toBe(6);
    log.clear();
    expect(log.count).toBe(0);
  });

  it("shows those that have all words of the filter", () => {
    const log = new RequestLog();
    log.add(request(1, { method: "PUT", path: "/stages/demo" }));
    log.add(request(2, { method: "PUT", path: "/channels/demo", sub: "bob" }));
    log.add(request(3, { status: 404, problem: "not-found" }));
    log.filter = " put BOB ";
    expect(seqs(log)).toEqual([2]);
    log.filter = "";
    log.failedOnly = true;
    expect(seqs(log)).toEqual([3]);
  });

  it("adds capacity up where there is any", () => {
    const call = (capacity: number | null): Call => ({ seq: 1, service: "", operation: "", ms: 1, status: 200, error: null, deniedAction: null, capacity });
    expect(capacityOf([call(0.5), call(null), call(2)])).toBe(2.5);
    expect(capacityOf([call(null)])).toBeNull();
  });

  it("reads a line of a log, and leaves what is no JSON alone", () => {
    expect(readableLine('{"level":"INFO","message":"made","other":1}')).toBe("INFO made");
    expect(readableLine("panicked at")).toBe("panicked at");
  });
});

describe("the window of a long list", () => {
  const view = { top: 0, height: 400 };

  it("draws what is in sight and a little more", () => {
    expect(windowOf(10_000, 40, view)).toEqual({ first: 0, end: 19, offset: 0, height: 400_000 });
    expect(windowOf(10_000, 40, { top: 40_000, height: 400 })).toEqual({ first: 992, end: 1019, offset: 39_680, height: 400_000 });
    expect(windowOf(3, 40, view)).toEqual({ first: 0, end: 3, offset: 0, height: 120 });
    expect(windowOf(0, 40, view)).toEqual({ first: 0, end: 0, offset: 0, height: 0 });
  });

  it("stays within the list when it was scrolled beyond its end", () => {
    expect(windowOf(10, 40, { top: 99_999, height: 400 })).toMatchObject({ end: 10, height: 400 });
  });

  it("moves what is below an unfolded row down", () => {
    const open = { index: 0, extra: 1000 };
    expect(windowOf(100, 40, { top: 1040, height: 400 }, open)).toMatchObject({ first: 0, offset: 0, height: 5000 });
    expect(windowOf(100, 40, { top: 2040, height: 400 }, open)).toMatchObject({ first: 18, offset: 18 * 40 + 1000 });
    expect(windowOf(100, 40, { top: 500, height: 100 }, open).end).toBe(9);
  });
});

describe("lines for a shell", () => {
  it("fetch the user's token themselves", () => {
    expect(curlOf("http://api", { method: "PUT", path: "/stages/demo", sub: "alice" })).toBe(
      `curl -sS -X PUT -H "authorization: Bearer $(curl -sS 'http://api/_local/token?sub=alice')" http://api/stages/demo`,
    );
    expect(curlOf("http://api", { method: "GET", path: "/streams", sub: null })).toBe("curl -sS http://api/streams");
  });

  it("quote what the shell would read otherwise", () => {
    expect(quoted("it's; rm")).toBe("'it'\\''s; rm'");
    expect(curlOf("http://api", { method: "POST", path: "/broadcasts", sub: null, body: { channel: "demo" } })).toContain(`-d '{"channel":"demo"}'`);
    expect(curlOf("http://api", { method: "GET", path: "/a", sub: "x'; y" })).toContain("sub=x'; y".replace("'; y", "'%3B%20y"));
  });

  it("say what must be filled in", () => {
    expect(repeatOf("http://api", { method: "GET", path: "/broadcasts/…", sub: null })).toContain("# fill in …");
  });
});

describe("tabs", () => {
  const about = { addresses: { api: "http://api", aws: "http://aws", rtmps: "rtmps://x/app/", rtmp: "", playback: "" } };
  const state: State = {
    at: "",
    tables: [
      { name: "greenroom-streams", key: ["channel"], count: 1, truncated: false, rows: [{ item: { channel: "demo", state: "live", session: "st-1" }, resources: [], differences: [] }] },
    ],
    resources: [],
    differences: 0,
  };

  it.each(TABS)("$id has a sentence, and a line that makes its first row", ({ id, sentence }) => {
    expect(sentence).toMatch(/\.$/);
    expect(lineOf(id, about, "alice")).not.toContain("undefined");
  });

  it("finds rows by the end of a table's name", () => {
    expect(rowsOf(state, "-streams")).toHaveLength(1);
    expect(rowsOf(state, "-stages")).toEqual([]);
    expect(rowsOf(null, "-stages")).toEqual([]);
    expect(streamOf(state, "demo")).toEqual({ live: true, session: "st-1" });
    expect(streamOf(state, "other")).toEqual({ live: false, session: null });
  });

  it("go round by arrow keys", () => {
    expect(tabAfter("stages", "ArrowRight")).toBe("channels");
    expect(tabAfter("stages", "ArrowLeft")).toBe("tables");
    expect(tabAfter("tables", "ArrowRight")).toBe("stages");
    expect(tabAfter("keys", "Home")).toBe("stages");
    expect(tabAfter("keys", "x")).toBe("keys");
  });

  it("read times in seconds, in milliseconds and as text alike", () => {
    const time = new Date(1_772_366_400_000).toLocaleTimeString();
    expect([1_772_366_400, 1_772_366_400_000, "2026-03-01T12:00:00.000Z"].map(timeOf)).toEqual([time, time, time]);
    expect(timeOf(undefined)).toBe("");
    expect(timeOf("soon")).toBe("soon");
  });
});

describe("faults", () => {
  const fields = { kind: "error", status: "500", code: "Oops", ms: "", when: "after" };

  it("are made of a form", () => {
    expect(faultOf(fields)).toEqual({ kind: "error", status: 500, code: "Oops" });
    expect(faultOf({ ...fields, kind: "latency", ms: "20" })).toEqual({ kind: "latency", ms: 20, when: "after" });
    expect(faultOf({ ...fields, kind: "kill" })).toEqual({ kind: "kill", when: "after" });
    expect(faultOf({ ...fields, kind: "throttle" })).toEqual({ kind: "throttle" });
    expect(eventFaultOf("duplicate", "3")).toEqual({ kind: "duplicate", copies: 3 });
    expect(timesOf("")).toBeNull();
  });

  it("say which field is wrong", () => {
    expect(() => faultOf({ ...fields, status: "no" })).toThrow("Status");
    expect(() => faultOf({ ...fields, code: " " })).toThrow("Code");
    expect(() => eventFaultOf("delay", "")).toThrow("Milliseconds");
    expect(() => timesOf("0")).toThrow("Times");
  });

  it("are told in a sentence", () => {
    const fault = { id: 1, service: "ivs", operation: "CreateStage", fault: { kind: "drop", when: "after" } as const, nth: 1, times: 2, fired: 1 };
    expect(sentenceOf(fault)).toBe("ivs CreateStage loses its answer, after it took effect, 1 of 2");
  });
});

describe("the local cloud", () => {
  it("says what its message says when it refuses", async () => {
    const local = new LocalCloud("http://api", async () => Response.json({ message: "no such fault" }, { status: 404 }));
    await expect(local.endFault(7)).rejects.toThrow("no such fault");
  });

  it("says that nobody answers when it was stopped", async () => {
    const local = new LocalCloud("http://api", async () => {
      throw new TypeError("Failed to fetch");
    });
    await expect(local.about()).rejects.toMatchObject({ type: "unreachable" });
  });

  it("asks for a token of that user", async () => {
    const urls: string[] = [];
    const local = new LocalCloud("http://api", async (input) => (urls.push(String(input)), new Response("a.b.c\n")));
    expect(await local.token("bob & co", -60)).toBe("a.b.c");
    expect(urls).toEqual(["http://api/_local/token?sub=bob%20%26%20co&exp=-60"]);
  });
});

it("asks for a channel's playback URL only when it is on air, and anew after a refusal", async () => {
  const told = { live: false, session: null as string | null };
  let made = 0;
  const service = new RowService("demo", () => told, async () => `https://video/${(made += 1)}`);
  expect(await service.ask()).toMatchObject({ stream: { state: "offline", playbackUrl: "" } });
  Object.assign(told, { live: true, session: "st-1" });
  expect(await service.ask()).toMatchObject({ stream: { state: "live", session: "st-1", playbackUrl: "https://video/1" } });
  await service.ask();
  expect(made).toBe(1);
  service.forgetToken();
  expect(await service.ask()).toMatchObject({ stream: { playbackUrl: "https://video/2" } });
});
