/** Each state of the broadcaster's page, the player and the console: reached by what causes it, and held to axe and a phone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AUTOPLAY, startChromium } from "../browsers.mjs";
import { channel, until } from "../cloud.mjs";
import { Ffmpeg } from "../encoders.mjs";
import { looks } from "./look.mjs";
import { ALLOWED, API, DEVICES, dynamodb, ecs, ffmpeg, newest, servers, sideDoor, Tab } from "./studio.mjs";

const browsers = {};
const flags = {
  usual: [ALLOWED, AUTOPLAY],
  // Somebody who says no, and one without devices.
  denying: [DEVICES, "--deny-permission-prompts"],
  bare: ["--use-fake-ui-for-media-stream"],
};
const browser = async (name) => (browsers[name] ??= await startChromium(flags[name]));

before(() => servers(1));
after(() => Promise.all(Object.values(browsers).map((one) => one.close())));

const broadcaster = async (t, name, { kind = "usual", user = "alice", ...options } = {}) =>
  Tab.open(t, await browser(kind), `/broadcast/${name}`, { user, ...options });
const player = async (t, name, { kind = "usual", ...options } = {}) => Tab.open(t, await browser(kind), `/watch/${name}`, options);

/** Looks at a state once it is there. */
async function shows(tab, page, state, options) {
  await tab.reaches(state);
  await looks(tab, `${page}-${state}`, options);
}

/** One who is ready to go live on a channel of their own. */
async function ready(t, name, options) {
  await channel(name);
  const tab = await broadcaster(t, name, options);
  await tab.reaches("ready");
  return tab;
}

async function live(t, name, options) {
  const tab = await ready(t, name, options);
  await tab.press("go");
  await tab.reaches("live");
  return tab;
}

/** Keeps what matches from being answered until `release`. */
async function hold(tab, pattern) {
  const held = [];
  let open = false;
  await tab.context.route(pattern, (route) => (open ? route.continue() : held.push(route)));
  return async () => {
    open = true;
    await Promise.all(held.map((route) => route.continue().catch(() => {})));
    await tab.context.unroute(pattern);
  };
}

/** A broadcast by an encoder, for those who only watch. */
async function encoder(t, name) {
  const { streamKey } = await channel(name);
  return new Ffmpeg(t, process.env.RTMP_URL + streamKey);
}

test("broadcaster: no channel, signed out, loading, a channel that is not there, somebody else's", async (t) => {
  const unnamed = await Tab.open(t, await browser("usual"), "/broadcast.html");
  await shows(unnamed, "broadcast", "no-channel");
  const tab = await Tab.open(t, await browser("usual"), "/broadcast/web-none");
  await shows(tab, "broadcast", "signed-out", { phone: true });
  await tab.signIn("alice");
  await shows(tab, "broadcast", "channel-missing");
  const release = await hold(tab, "**/channels/web-none");
  await tab.press("go");
  await shows(tab, "broadcast", "loading");
  await release();
  await tab.reaches("ready");
  await shows(await broadcaster(t, "web-none", { user: "bob" }), "broadcast", "not-owner");
});

test("broadcaster: what a browser lacks", async (t) => {
  await channel("web-lacks");
  const tab = await broadcaster(t, "web-lacks");
  await tab.page.addInitScript(() => delete globalThis.MediaRecorder);
  await tab.page.reload();
  await shows(tab, "broadcast", "unsupported");
});

test("broadcaster: a page that is not https gets no camera", async (t) => {
  const tab = await Tab.open(t, await browser("usual"), "/broadcast/web-lacks");
  // As pages without TLS are: the local cloud answers to names of this machine alone, and those are secure ones.
  await tab.page.addInitScript(() => {
    Object.defineProperty(globalThis, "isSecureContext", { value: false });
    delete Navigator.prototype.mediaDevices;
  });
  await tab.page.reload();
  await shows(tab, "broadcast", "insecure");
});

test("broadcaster: asking for permission", async (t) => {
  await channel("web-asks");
  const tab = await broadcaster(t, "web-asks");
  // Without a window, Chromium asks nobody and says no. This is somebody who does not answer.
  await tab.page.addInitScript(() => {
    MediaDevices.prototype.getUserMedia = () => new Promise(() => {});
  });
  await tab.page.reload();
  await shows(tab, "broadcast", "asking");
});

test("broadcaster: permission denied, and given after all", async (t) => {
  await channel("web-denied");
  const tab = await broadcaster(t, "web-denied", { kind: "denying" });
  await shows(tab, "broadcast", "denied");
  await tab.context.grantPermissions(["camera", "microphone"], { origin: API });
  await tab.press("go");
  await tab.reaches("ready");
});

test("broadcaster: no camera and no microphone", async (t) => {
  await channel("web-bare");
  await shows(await broadcaster(t, "web-bare", { kind: "bare" }), "broadcast", "no-device");
});

test("broadcaster: a camera that another program has", async (t) => {
  await channel("web-busy");
  const tab = await broadcaster(t, "web-busy");
  // What browsers say then; no program here can take the made-up camera away.
  await tab.page.addInitScript(() => {
    MediaDevices.prototype.getUserMedia = () => Promise.reject(new DOMException("in use", "NotReadableError"));
  });
  await tab.page.reload();
  await shows(tab, "broadcast", "device-busy");
});

test("broadcaster: ready, sound only, each wait until live, and the end", async (t) => {
  const tab = await ready(t, "web-way");
  await looks(tab, "broadcast-ready");
  await tab.page.locator("#camera").selectOption("none");
  await shows(tab, "broadcast", "ready-sound-only");
  await tab.page.locator("#camera").selectOption({ index: 0 });
  await tab.reaches("ready");

  const release = await hold(tab, "**/broadcasts");
  await tab.press("go");
  await shows(tab, "broadcast", "ticket");
  const [{ taskId }] = await servers(1);
  await sideDoor("PUT", `ecs/tasks/${taskId.S}/network`, { cut: true });
  await release();
  await shows(tab, "broadcast", "connecting-server");
  await sideDoor("PUT", `ecs/tasks/${taskId.S}/network`, { cut: false });
  await tab.reaches("live");
  await tab.page.locator("#sent", { hasText: /\d/ }).waitFor();
  await looks(tab, "broadcast-live");
  await looks(tab, "broadcast-live-phone", { phone: true });
  await tab.press("mute");
  await tab.page.locator("#notices", { hasText: "muted" }).waitFor();
  await looks(tab, "broadcast-live-muted");

  await sideDoor("PUT", `ecs/tasks/${taskId.S}/network`, { cut: true });
  await tab.press("go");
  await shows(tab, "broadcast", "ending");
  await sideDoor("PUT", `ecs/tasks/${taskId.S}/network`, { cut: false });
  await shows(tab, "broadcast", "ended");
});

test("broadcaster: waiting for the ingest, and for the first picture", async (t) => {
  const tab = await ready(t, "web-waits");
  // The server's words are held back as they come: what it waits for passes too soon to be looked at.
  let passOn;
  await tab.page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    const words = [];
    let waitsFor = "ingest";
    const isNext = (word) => word.includes('"media"') || word.includes('"live"');
    passOn = (next) => {
      waitsFor = next;
      for (const word of words.splice(0)) take(word);
    };
    const take = (word) => {
      if (typeof word !== "string" || waitsFor === undefined || (words.length === 0 && !isNext(word))) socket.send(word);
      else if (waitsFor === "media" && words.length === 0 && word.includes('"media"')) socket.send(word);
      else words.push(word);
    };
    server.onMessage(take);
  });
  await tab.page.reload();
  await tab.reaches("ready");
  await tab.press("go");
  await shows(tab, "broadcast", "connecting-ingest");
  passOn("media");
  await shows(tab, "broadcast", "connecting-media");
  passOn(undefined);
  await tab.reaches("live");
  await tab.press("go");
  await tab.reaches("ended");
});

test("broadcaster: the connection is lost, and the page goes on after a crash of its tab", async (t) => {
  const tab = await live(t, "web-lost");
  const { server } = await newest("web-lost");
  await tab.context.setOffline(true);
  await sideDoor("PUT", `ecs/tasks/${server}/network`, { cut: true });
  await shows(tab, "broadcast", "reconnecting");
  await sideDoor("PUT", `ecs/tasks/${server}/network`, { cut: false });
  await tab.context.setOffline(false);
  await tab.reaches("live");

  // A browser that starts again gives a tab back with what it had stored, and the page before it was told of no end.
  const stored = await tab.page.evaluate(() => Object.entries(sessionStorage));
  const session = await tab.context.newCDPSession(tab.page);
  const crashed = tab.page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await crashed;
  tab.page = await tab.context.newPage();
  await tab.page.addInitScript((stored) => {
    for (const [name, value] of stored) sessionStorage.setItem(name, value);
  }, stored);
  await tab.page.goto(`${API}/broadcast/web-lost`);
  await shows(tab, "broadcast", "resumable");
  await tab.press("go");
  await tab.reaches("live");
  await tab.press("go");
  await tab.reaches("ended");
});

test("broadcaster: moved to another server, and the video service lost", async (t) => {
  const tab = await live(t, "web-moves");
  // It moves as soon as there is room elsewhere: not before it was looked at.
  const release = await hold(tab, "**/broadcasts/*/tickets");
  await ecs("StopTask", { task: (await newest("web-moves")).server });
  await shows(tab, "broadcast", "moving");
  await release();
  await tab.reaches("live");
  await tab.press("go");
  await tab.reaches("ended");
  await servers(1);
});

test("broadcaster: on air elsewhere, and taken over", async (t) => {
  const first = await live(t, "web-twice");
  const second = await ready(t, "web-twice");
  await second.press("go");
  await shows(second, "broadcast", "on-air-elsewhere");
  await second.press("go");
  await second.reaches("live");
  await first.reaches("ended");
  await looks(first, "broadcast-taken-over");
  await second.press("go");
  await second.reaches("ended");
});

test("broadcaster: no server has room", async (t) => {
  const tab = await ready(t, "web-full");
  await servers(0);
  t.after(() => servers(1));
  await tab.press("go");
  await shows(tab, "broadcast", "no-server");
  await servers(1);
  await tab.reaches("live");
  await tab.press("go");
  await tab.reaches("ended");
});

test("broadcaster: on air, its server gone, and no other has room", async (t) => {
  const tab = await live(t, "web-narrow");
  const { server } = await newest("web-narrow");
  t.after(() => servers(1));
  await ecs("UpdateService", { service: "transwrap", desiredCount: 0 });
  await sideDoor("POST", `ecs/tasks/${server}/crash`);
  await shows(tab, "broadcast", "no-room");
  await servers(1);
  await tab.reaches("live");
  await tab.press("go");
  await tab.reaches("ended");
});

test("broadcaster: the ingest refuses the key", async (t) => {
  const tab = await ready(t, "web-key");
  const { Items } = await dynamodb("Scan", { TableName: "greenroom-channels" });
  const row = Items.find((item) => item.name.S === "web-key");
  const streamKey = { M: { ...row.streamKey.M, text: { S: "sk_us-east-1_nobodyhasthis_000000000000" } } };
  await dynamodb("UpdateItem", {
    TableName: "greenroom-channels",
    Key: { name: row.name },
    UpdateExpression: "SET streamKey = :key",
    ExpressionAttributeValues: { ":key": streamKey },
  });
  await tab.press("go");
  await shows(tab, "broadcast", "key-refused");
});

test("broadcaster: a problem, with what can be copied into a complaint", async (t) => {
  const tab = await ready(t, "web-fails");
  // Until it is ended: the chat of the page writes, too, and would take a single one.
  const fault = { kind: "error", status: 400, code: "AccessDeniedException" };
  await sideDoor("PUT", "faults", { service: "dynamodb", operation: "PutItem", times: null, fault });
  t.after(() => sideDoor("DELETE", "faults"));
  await tab.press("go");
  await shows(tab, "broadcast", "failed");
  assert.match(await tab.page.locator("#problem").innerHTML(), /request/i);
});

test("player: looking, not there, not open, waiting", async (t) => {
  const tab = await player(t, "web-nothing");
  await shows(tab, "watch", "private");
  await tab.signIn("alice");
  await shows(tab, "watch", "not-found");
  const release = await hold(tab, "**/streams/**");
  await tab.page.reload();
  await shows(tab, "watch", "looking");
  await release();
  await channel("web-quiet");
  await shows(await player(t, "web-quiet"), "watch", "waiting", { phone: true });
});

test("player: loading, live, buffering, reconnecting, stopped, ended", async (t) => {
  await channel("web-show");
  const tab = await player(t, "web-show");
  await tab.reaches("waiting");
  let release = await hold(tab, /\.m3u8/);
  const sending = await encoder(t, "web-show");
  await shows(tab, "watch", "loading");
  await release();
  await tab.reaches("live");
  await tab.plays();
  await looks(tab, "watch-live");
  await looks(tab, "watch-live-phone", { phone: true });
  release = await hold(tab, /\.(ts|m4s|mp4)(\?|$)/);
  await shows(tab, "watch", "buffering");
  await release();
  await tab.reaches("live");
  await tab.context.route(/\.m3u8/, (route) => route.abort());
  await shows(tab, "watch", "reconnecting");
  await tab.context.unroute(/\.m3u8/);
  await tab.reaches("live");
  await sending.end("SIGTERM");
  await tab.reaches("ended");
  const titled = (title) => tab.page.locator("#state-title", { hasText: title }).waitFor();
  await titled("Stopped");
  await looks(tab, "watch-stopped");
  await titled("Over");
  await looks(tab, "watch-ended");
});

test("player: a browser that starts no sound by itself", async (t) => {
  await encoder(t, "web-blocked");
  const tab = await player(t, "web-blocked");
  // To Chromium, whatever Playwright evaluates in a page is a gesture of its user's; so the page itself sees to it.
  await tab.page.addInitScript(() => {
    const { play } = HTMLMediaElement.prototype;
    let clicked = false;
    addEventListener("click", () => (clicked = true), { capture: true });
    HTMLMediaElement.prototype.play = function () {
      return clicked ? play.call(this) : Promise.reject(new DOMException("nobody has clicked yet", "NotAllowedError"));
    };
  });
  await tab.page.reload();
  await shows(tab, "watch", "blocked");
  await tab.press("play");
  await tab.reaches("live");
  assert.equal(await tab.page.evaluate(() => document.querySelector("video").muted), false);
});

test("player: a browser that cannot play, and a service that does not answer", async (t) => {
  const tab = await player(t, "web-quiet");
  await tab.context.route("**/streams/**", (route) => route.abort());
  await tab.page.reload();
  await shows(tab, "watch", "unreachable");
  await tab.context.unroute("**/streams/**");
  await tab.reaches(["waiting", "private"]);
  await tab.page.addInitScript(() => {
    delete globalThis.MediaSource;
    delete globalThis.ManagedMediaSource;
    HTMLMediaElement.prototype.canPlayType = () => "";
  });
  await tab.page.reload();
  await shows(tab, "watch", "unplayable");
});

test("home and console: each tab", async (t) => {
  await encoder(t, "web-front");
  const home = await Tab.open(t, await browser("usual"), "/home");
  await home.reaches("signed-out");
  await looks(home, "home");
  const tab = await Tab.open(t, await browser("usual"), "/");
  await until("the channel is live in the console", async () => (await tab.page.locator('[data-state="live"]').count()) > 0);
  for (const name of ["stages", "channels", "streams", "servers", "broadcasts", "keys", "tables"]) {
    await tab.page.locator(`#tab-${name}`).click();
    await shows(tab, "console", name);
  }
});
