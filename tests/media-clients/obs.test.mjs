/** OBS sends by plain RTMP, which a developer's needs no certificate for. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { test } from "node:test";

import { channel, listed, offAir, onAir, stream, until } from "./cloud.mjs";
import { Ffmpeg } from "./encoders.mjs";
import { Obs } from "./obs.mjs";

const { RTMP_URL } = process.env;

/** A way to the ingest server that can be cut: so that both sides know it, or only the encoder. */
async function cable(t) {
  const { hostname, port, pathname } = new URL(RTMP_URL.replace("rtmp:", "http:"));
  const near = new Set();
  const far = new Set();
  const server = createServer((encoder) => {
    const ingest = connect(port, hostname);
    near.add(encoder);
    far.add(ingest);
    for (const [from, to] of [[encoder, ingest], [ingest, encoder]]) {
      from.on("data", (data) => to.write(data)).on("end", () => to.end()).on("error", () => to.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const destroy = (sockets) => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    destroy([...near, ...far]);
    server.close();
  });
  const url = `rtmp://127.0.0.1:${server.address().port}${pathname}`;
  return { url, cut: () => destroy([...near, ...far]), cutUnheard: () => destroy([...near]) };
}

const RECONNECTS = /Reconnecting in/g;

test("OBS is on air, and after each loss again at its first try, by the same key", async (t) => {
  const { streamKey } = await channel("obs");
  const { cut, cutUnheard, url } = await cable(t);
  const obs = await Obs.start(t, url, streamKey);
  const sessions = [(await onAir("obs")).stream.session];
  for (const lose of [cut, cutUnheard]) {
    lose();
    const { session } = await until("another session is on air", async () => {
      const stream = await listed("obs");
      return stream && !sessions.includes(stream.session) && stream;
    });
    sessions.push(session);
    assert.equal(obs.log().match(RECONNECTS).length, sessions.length - 1, obs.log());
  }
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
