import { beforeEach, describe, expect, it } from "vitest";

import { Problem } from "../problem";
import { FakeClock } from "../testing/browser";
import type { Player, PlayerListener } from "./player";
import type { Answer, Stream } from "./service";
import { Watching } from "./watching";

/** Answers of promises have arrived: nothing here waits for anything else, and much time passes. */
const settled = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

class TestPlayer implements Player {
  latency: number | null = 1;
  targetLatency = 1;
  targetDurationMs = 2000;
  moves = true;
  #position = 0;
  done: string[] = [];
  load = (url: string) => void this.done.push(`load ${url}`);
  resume = () => void this.done.push("resume");
  play = () => void this.done.push("play");
  unload = () => void this.done.push("unload");
  goToLive = () => void this.done.push("go to live");

  get position(): number {
    if (this.moves) this.#position += 1;
    return this.#position;
  }
}

const live = (session = "st-1", playbackUrl = "https://video/demo.m3u8"): Answer => ({
  kind: "stream",
  stream: { channel: "demo", state: "live", startedAt: null, viewerCount: 3, health: null, playbackUrl, session } satisfies Stream,
});
const offline: Answer = {
  kind: "stream",
  stream: { channel: "demo", state: "offline", startedAt: null, viewerCount: null, health: null, playbackUrl: "https://video/demo.m3u8", session: null },
};

let clock: FakeClock;
let player: TestPlayer;
let tell: PlayerListener;
let answer: Answer;
let asked: number;
let tokensForgotten: number;
let hasToken: boolean;
let watching: Watching;

beforeEach(() => {
  clock = new FakeClock(settled);
  player = new TestPlayer();
  answer = offline;
  asked = 0;
  tokensForgotten = 0;
  hasToken = false;
  const service = {
    channel: "demo",
    ask: async () => {
      asked += 1;
      return answer;
    },
    forgetToken: () => void (tokensForgotten += 1),
    get hasToken() {
      return hasToken;
    },
  };
  watching = new Watching(service, (listener) => ((tell = listener), player), clock);
});

async function start(first: Answer): Promise<void> {
  answer = first;
  watching.start();
  await clock.advance(0);
}

async function playing(): Promise<void> {
  await start(live());
  tell({ type: "playing" });
}

describe("before the stream", () => {
  it("opens no player while the service says offline, and begins by itself when it says live", async () => {
    await start(offline);
    expect(watching.state).toBe("waiting");
    expect(player.done).toEqual([]);
    answer = live();
    await clock.advance(2000);
    expect(watching.state).toBe("loading");
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
    tell({ type: "playing" });
    expect(watching.state).toBe("live");
  });

  it("asks who waits long for less often", async () => {
    await start(offline);
    await clock.advance(60_000);
    const atFirst = asked;
    await clock.advance(600_000);
    asked = 0;
    await clock.advance(60_000);
    expect(atFirst).toBe(31);
    expect(asked).toBe(4);
  });

  it.each(["private", "not-found"] as const)("says %s as the service does", async (kind) => {
    await start({ kind });
    expect(watching.state).toBe(kind);
    expect(player.done).toEqual([]);
  });

  it("says that the service does not answer, and goes on when it does", async () => {
    const problem = new Problem({ type: "unreachable", status: 0, detail: "", requestId: null, retryAfterMs: null });
    await start({ kind: "problem", problem });
    expect(watching.state).toBe("unreachable");
    expect(watching.problem).toBe(problem);
    answer = live();
    await clock.advance(2000);
    expect(watching.state).toBe("loading");
  });

  it("waits for a click where the browser wants one", async () => {
    await start(live());
    tell({ type: "blocked" });
    expect(watching.state).toBe("blocked");
    await clock.advance(60_000);
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
    watching.play();
    expect(player.done.at(-1)).toBe("play");
  });
});

describe("while it is live", () => {
  beforeEach(playing);

  it("does not speak of a standstill of a moment", async () => {
    tell({ type: "stalled" });
    await clock.advance(100);
    tell({ type: "playing" });
    await clock.advance(1000);
    expect(watching.state).toBe("live");
  });

  it("says buffering when the picture stands still", async () => {
    tell({ type: "stalled" });
    await clock.advance(600);
    expect(watching.state).toBe("buffering");
    tell({ type: "playing" });
    expect(watching.state).toBe("live");
  });

  it("keeps playing while the service does not answer", async () => {
    answer = { kind: "problem", problem: new Problem({ type: "unreachable", status: 0, detail: "", requestId: null, retryAfterMs: null }) };
    watching.askNow();
    await settled();
    expect(watching.state).toBe("live");
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
  });

  it("goes on with the open playlist twice, then opens it anew, with growing pauses", async () => {
    player.done = [];
    const pauses = [];
    for (const pause of [500, 1000, 2000, 4000, 8000, 8000]) {
      tell({ type: "failed", status: 404, detail: "levelLoadError" });
      expect(watching.state).toBe("reconnecting");
      const before = player.done.length;
      await clock.advance(pause - 1);
      expect(player.done.length).toBe(before);
      await clock.advance(1);
      pauses.push(player.done.at(-1));
    }
    const anew = "load https://video/demo.m3u8";
    expect(pauses).toEqual(["resume", "resume", anew, anew, anew, anew]);
  });

  it("tries again at once when it is told that the network is back", async () => {
    for (const pause of [500, 1000, 2000, 4000]) {
      tell({ type: "failed", status: 0, detail: "" });
      await clock.advance(pause);
    }
    tell({ type: "failed", status: 0, detail: "" });
    player.done = [];
    watching.retryNow();
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
    await clock.advance(5000);
    expect(player.done).toHaveLength(1);
  });

  it("counts attempts anew once it has played again", async () => {
    tell({ type: "failed", status: 404, detail: "" });
    await clock.advance(500);
    tell({ type: "playing" });
    player.done = [];
    tell({ type: "failed", status: 404, detail: "" });
    await clock.advance(500);
    expect(player.done).toEqual(["resume"]);
  });

  it("opens a new session of the channel at once, since its numbers begin again", async () => {
    answer = live("st-2", "https://video/demo.m3u8?2");
    watching.askNow();
    await settled();
    expect(player.done.at(-1)).toBe("load https://video/demo.m3u8?2");
    expect(watching.state).toBe("reconnecting");
  });

  it("opens a playlist anew that has told nothing new for three target durations", async () => {
    await clock.advance(5900);
    tell({ type: "progress" });
    player.done = [];
    await clock.advance(5900);
    expect(watching.state).toBe("live");
    await clock.advance(4000);
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
  });

  it("begins anew when the picture stands still although media comes", async () => {
    answer = live();
    watching.start();
    await clock.advance(0);
    tell({ type: "playing" });
    player.moves = false;
    player.done = [];
    for (let second = 0; second < 7; second += 1) {
      tell({ type: "progress" });
      await clock.advance(1000);
    }
    expect(player.done).toEqual([]);
    for (let second = 0; second < 12; second += 1) {
      tell({ type: "progress" });
      await clock.advance(1000);
    }
    expect(player.done).toContain("load https://video/demo.m3u8");
  });

  it("takes a frozen playlist for the end when the service says so", async () => {
    answer = offline;
    await clock.advance(8000);
    expect(watching.state).toBe("ended");
    expect(player.done.at(-1)).toBe("unload");
  });

  it("plays out what there is after the service has said offline, and then says when it ended", async () => {
    answer = offline;
    watching.askNow();
    await settled();
    const then = clock.now();
    expect(watching.state).toBe("live");
    await clock.advance(1000);
    tell({ type: "over" });
    expect(watching.state).toBe("ended");
    expect(watching.endedAt).toBe(then);
  });

  it("finds the next broadcast soon although the service has said offline while the rest is played out", async () => {
    answer = offline;
    watching.askNow();
    await settled();
    tell({ type: "over" });
    answer = live("st-2");
    await clock.advance(2000);
    expect(watching.state).toBe("loading");
  });

  it("says for twenty seconds of an end that it may come back, and then no more", async () => {
    answer = offline;
    watching.askNow();
    await settled();
    await clock.advance(8000);
    tell({ type: "over" });
    const told: boolean[] = [];
    watching.addEventListener("change", () => told.push(watching.mayComeBack));
    expect([watching.state, watching.mayComeBack]).toEqual(["ended", true]);
    await clock.advance(11_000);
    expect(told.every((mayComeBack) => mayComeBack)).toBe(true);
    await clock.advance(3000);
    expect(told.at(-1)).toBe(false);
    expect(watching.state).toBe("ended");
  });

  it("says it of no broadcast that is back, and anew when that one ends", async () => {
    tell({ type: "over" });
    await settled();
    answer = offline;
    await clock.advance(2000);
    expect(watching.mayComeBack).toBe(true);
    answer = live("st-2");
    await clock.advance(2000);
    expect([watching.state, watching.mayComeBack]).toEqual(["loading", false]);
    tell({ type: "playing" });
    await clock.advance(30_000);
    answer = offline;
    tell({ type: "over" });
    await settled();
    expect([watching.state, watching.mayComeBack]).toEqual(["ended", true]);
  });

  it("asks the service when the playlist is over, and ends when it agrees", async () => {
    tell({ type: "over" });
    expect(watching.state).toBe("reconnecting");
    await settled();
    answer = offline;
    await clock.advance(2000);
    expect(watching.state).toBe("ended");
    answer = live("st-2");
    await clock.advance(2000);
    expect(watching.state).toBe("loading");
  });

  it("has another token made when the player was not let in", async () => {
    tell({ type: "failed", status: 403, detail: "manifestLoadError" });
    expect(tokensForgotten).toBe(1);
    answer = live("st-1", "https://video/demo.m3u8?token=new");
    await settled();
    watching.askNow();
    await clock.advance(2000);
    expect(player.done.at(-1)).toBe("load https://video/demo.m3u8?token=new");
  });

  it("closes a channel that was deleted", async () => {
    answer = { kind: "not-found" };
    watching.askNow();
    await settled();
    expect(watching.state).toBe("not-found");
    expect(player.done.at(-1)).toBe("unload");
  });

  it("is behind when it is later than the player aims for", () => {
    expect(watching.behind).toBe(false);
    player.latency = 6;
    expect(watching.behind).toBe(true);
  });

  it("stays unplayable where the browser cannot play it", async () => {
    tell({ type: "unplayable", detail: "codec" });
    expect(watching.state).toBe("unplayable");
    await clock.advance(30_000);
    expect(watching.state).toBe("unplayable");
  });
});

describe("a state that is pushed", () => {
  const pushedLive = { state: "live", session: "st-1", startedAt: null, viewerCount: 8 } as const;
  const pushedOffline = { state: "offline", session: null, startedAt: null, viewerCount: null } as const;

  it("begins at once, without asking", async () => {
    await start(offline);
    watching.isPushed = true;
    asked = 0;
    watching.learnPushed(pushedLive);
    expect(watching.state).toBe("loading");
    expect(watching.stream?.viewerCount).toBe(8);
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
    await clock.advance(3000);
    expect(asked).toBe(0);
  });

  it("has the address of a private channel asked for, which has a token in it", async () => {
    hasToken = true;
    await start(offline);
    watching.isPushed = true;
    answer = live("st-1", "https://video/demo.m3u8?token=new");
    watching.learnPushed(pushedLive);
    await clock.advance(0);
    expect(player.done).toEqual(["load https://video/demo.m3u8?token=new"]);
  });

  it("is asked for all the same, each minute", async () => {
    await start(offline);
    watching.isPushed = true;
    asked = 0;
    await clock.advance(600_000);
    expect(asked).toBe(10);
    watching.isPushed = false;
    asked = 0;
    await clock.advance(60_000);
    expect(asked).toBeGreaterThan(10);
  });

  it("is newer than an answer that may be a cached one of before", async () => {
    await start(offline);
    watching.isPushed = true;
    watching.learnPushed(pushedLive);
    tell({ type: "playing" });
    watching.askNow();
    await clock.advance(0);
    expect(watching.stream?.state).toBe("live");
    await clock.advance(120_000);
    expect(watching.state).toBe("ended");
  });

  it("ends, and says so after the time in which it may come back", async () => {
    await playing();
    watching.isPushed = true;
    watching.learnPushed(pushedOffline);
    answer = offline;
    tell({ type: "stalled" });
    expect([watching.state, watching.mayComeBack]).toEqual(["ended", true]);
    let last: boolean | null = null;
    watching.addEventListener("change", () => (last = watching.mayComeBack));
    await clock.advance(22_000);
    expect(last).toBe(false);
  });

  it("waits for the first answer of the service, which has the address", async () => {
    answer = live();
    watching.learnPushed(pushedLive);
    await clock.advance(0);
    expect(player.done).toEqual(["load https://video/demo.m3u8"]);
  });
});
