/** From a camera to a picture with sound on another page, and what goes wrong on the way. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { AUTOPLAY, startChromium } from "../browsers.mjs";
import { channel, stream, until } from "../cloud.mjs";
import { ALLOWED, broadcast, ecs, ffmpeg, newest, servers, sideDoor, Tab } from "./studio.mjs";

let browser;
before(async () => {
  browser = await startChromium(ALLOWED, AUTOPLAY);
  await servers(1);
});
after(() => browser?.close());

/** One who is live on a channel of their own, and one who sees it. */
async function onAir(test, name) {
  await channel(name);
  const broadcaster = await Tab.open(test, browser, `/broadcast/${name}`, { user: "alice" });
  await broadcaster.reaches("ready");
  const viewer = await Tab.open(test, browser, `/watch/${name}`);
  await viewer.reaches("waiting");
  await broadcaster.press("go");
  await broadcaster.reaches("live");
  await viewer.reaches("live");
  await viewer.plays();
  const { broadcast: id, server } = await newest(name);
  await Promise.all([broadcaster.forget(), viewer.forget()]);
  return { broadcaster, viewer, id, server, name };
}

/** The viewer sees it again, and was without a picture for less than ten seconds. */
async function isBack({ broadcaster, viewer }) {
  await viewer.reaches("live");
  // Whatever happened is over for the viewer some seconds later.
  const { stillMs } = await viewer.plays(6);
  const [went, saw] = await Promise.all([broadcaster, viewer].map(({ page }) => page.evaluate(() => times.join(", "))));
  console.log(`the picture stood still for ${(stillMs / 1000).toFixed(1)} s at most; broadcaster: ${went || "live"}; viewer: ${saw || "live"}`);
  assert(stillMs < 10_000, `the picture stood still for ${stillMs} ms`);
}

/** Ends it as a person does, and looks at what everybody says then. */
async function ends({ broadcaster, viewer, id, name }) {
  await broadcaster.press("go");
  await broadcaster.reaches("ended");
  await viewer.reaches("ended");
  await until("the broadcast has ended", async () => (await broadcast(id)).state === "ended");
  const { endReason, endedAt, liveAt } = await broadcast(id);
  assert.equal(endReason, "stopped");
  assert(Date.parse(liveAt) < Date.parse(endedAt), `${liveAt} to ${endedAt}`);
  assert.notEqual((await stream(name)).state, "live");
  assert.deepEqual([broadcaster.errors, viewer.errors], [[], []]);
}

test("a camera is seen and heard on another page, until the broadcast is ended", async (t) => {
  const show = await onAir(t, "web-live");
  const { width } = await show.viewer.plays(3);
  assert(width >= 640, `the picture is ${width} wide`);
  // By the playlist's time of day, which the ingest gives each picture: the way from the camera to the ingest is not in it.
  console.log(`the player is ${await show.viewer.page.locator("#delay").innerText()} the ingest`);
  assert.match(await show.broadcaster.page.locator("#sent").innerText(), /^\d+ kbit\/s$/);
  assert.equal((await broadcast(show.id)).state, "live");
  await ends(show);
});

test("a server is killed: the page goes on at another one", async (t) => {
  const show = await onAir(t, "web-crash");
  await sideDoor("POST", `ecs/tasks/${show.server}/crash`);
  await show.broadcaster.passes(["reconnecting", "live"]);
  await isBack(show);
  assert.notEqual((await broadcast(show.id)).server, show.server);
  await ends(show);
  await servers(1);
});

test("the only server is drained: the page goes on at the one that follows", async (t) => {
  const show = await onAir(t, "web-drain");
  await ecs("StopTask", { task: show.server });
  await until("another server has it", async () => {
    const { server, state } = await broadcast(show.id);
    return server !== show.server && state === "live";
  });
  await isBack(show);
  await ends(show);
  await servers(1);
});

test("one of two servers is drained: the page moves to the other", async (t) => {
  await servers(2);
  t.after(() => servers(1));
  const show = await onAir(t, "web-move");
  await ecs("StopTask", { task: show.server });
  await show.broadcaster.passes(["moving", "live"]);
  assert.notEqual((await broadcast(show.id)).server, show.server);
  await isBack(show);
  await ends(show);
});

test("FFmpeg is killed: another one goes on", async (t) => {
  const show = await onAir(t, "web-ffmpeg");
  const killed = ffmpeg();
  process.kill(killed, "SIGKILL");
  await until("there is another FFmpeg", () => ![undefined, killed].includes(ffmpeg()));
  await isBack(show);
  assert.equal((await broadcast(show.id)).server, show.server);
  await ends(show);
});

test("the network is cut for five seconds: the broadcast survives it", async (t) => {
  const show = await onAir(t, "web-cut");
  await sideDoor("PUT", `ecs/tasks/${show.server}/network`, { cut: true });
  // Nothing is waited for here: this is how long it is cut.
  await pause(5_000);
  await sideDoor("PUT", `ecs/tasks/${show.server}/network`, { cut: false });
  await until("it is live again", async () => (await show.broadcaster.state) === "live" && (await broadcast(show.id)).state === "live");
  await isBack(show);
  await ends(show);
});
