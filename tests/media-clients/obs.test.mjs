/** OBS sends by plain RTMP, which a developer's needs no certificate for. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { test } from "node:test";

import { channel, listed, offAir, onAir, stream } from "./cloud.mjs";
import { Ffmpeg } from "./encoders.mjs";
import { Obs } from "./obs.mjs";

const { RTMP_URL } = process.env;

/** A way to the ingest server that can be cut. */
async function cable(t) {
  const { hostname, port, pathname } = new URL(RTMP_URL.replace("rtmp:", "http:"));
  const ends = new Set();
  const server = createServer((near) => {
    const far = connect(port, hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      ends.add(from);
      from.on("data", (data) => to.write(data)).on("end", () => to.end()).on("error", () => to.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => ends.forEach((end) => end.destroy());
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `rtmp://127.0.0.1:${server.address().port}${pathname}`, cut };
}

const times = (pattern, text) => text.match(new RegExp(pattern, "g"))?.length ?? 0;

test("OBS is on air, and after a loss again at its first try, by the same key", async (t) => {
  const { streamKey } = await channel("obs");
  const { cut, url } = await cable(t);
  const obs = await Obs.start(t, url, streamKey);
  const { stream: first } = await onAir("obs");
  cut();
  await obs.says(/Reconnecting in/);
  await obs.says(/successful[^]*Reconnecting in[^]*successful/);
  const { stream: second } = await onAir("obs");
  assert.equal(times("Reconnecting in", obs.log()), 1, obs.log());
  assert.notEqual(second.session, first.session);
  assert(!obs.log().includes(streamKey));
  await obs.end("SIGTERM");
  await offAir("obs");
});

test("OBS understands that its key is refused, and its log does not have it", async (t) => {
  const key = "sk_us-east-1_nobodyHasThisKey_0123456789abcdef";
  const obs = await Obs.start(t, RTMP_URL, key);
  await obs.says(/NetStream\.Publish\.\w+ \(.+\)/);
  await obs.says(/Streaming Stop/);
  assert(!obs.log().includes(key));
});

test("an OBS that is refused ends nobody else's broadcast, though it unpublishes the key", async (t) => {
  const { streamKey, target } = await channel("taken");
  const encoder = new Ffmpeg(t, target);
  const { stream: before } = await onAir("taken");
  const obs = await Obs.start(t, RTMP_URL, streamKey);
  await obs.says(/NetStream\.Publish\.BadName/);
  await obs.says(/Streaming Stop/);
  await obs.end("SIGTERM");
  assert.equal((await listed("taken"))?.session, before.session);
  assert.equal((await stream("taken")).state, "live");
  assert.equal(encoder.process.exitCode, null);
  assert(!obs.log().includes(streamKey));
});
