/** From an encoder to the list of what is on air, and to a player: what is taken, what is refused, and how soon it is told. */
import assert from "node:assert/strict";
import { after, test } from "node:test";

import {
  GetStreamCommand,
  GetStreamSessionCommand,
  ListStreamSessionsCommand,
  ListStreamsCommand,
  StopStreamCommand,
} from "@aws-sdk/client-ivs";

import { call, channel, ivs, listed, offAir, onAir, send, stream, until } from "./cloud.mjs";
import { Ffmpeg } from "./encoders.mjs";
import { Browsers } from "./players.mjs";

const browsers = await Browsers.start();
after(() => browsers.stop());

/** What the server gave as its reason, in ffmpeg's words; what ffmpeg says by itself names the whole target. */
const reason = ({ text }) => /Server error: (.*)/.exec(text)?.[1] ?? "";

/** Has ffmpeg try a target, and gives the server's reason for its refusal, which must not give away the key. */
async function refused(t, target) {
  const encoder = new Ffmpeg(t, target);
  const { code } = await encoder.ended;
  assert.notEqual(code, 0, encoder.text);
  assert.notEqual(reason(encoder), "", encoder.text);
  const key = target.split("/").at(-1).split("?")[0];
  assert(!reason(encoder).includes(key), reason(encoder));
  return reason(encoder);
}

test("hls.js plays what ffmpeg sends to the printed URL, with its sound, and sees the end", async (t) => {
  const { target, playbackUrl } = await channel("played");
  const encoder = new Ffmpeg(t, target);
  const { stream } = await onAir("played");
  assert.equal(stream.playbackUrl, playbackUrl);
  const page = await browsers.open(t, "hls", playbackUrl);
  const first = await page.plays(1);
  const later = await page.plays();
  assert.deepEqual([later.width, later.height], [640, 360]);
  assert(later.audioBytes > first.audioBytes, "no sound is decoded");
  assert(later.frames > first.frames, "no picture is decoded");
  t.diagnostic(`hls.js is ${later.latency.toFixed(2)} s behind`);
  await encoder.end("SIGKILL");
  const { errors } = await page.reports("the end", ({ ended }) => ended);
  assert(!errors.some(({ fatal }) => fatal), JSON.stringify(errors));
});

// The times are those of this process, on a machine that may be busy with other things. A delay that is in the system is
// in each of them, so that the shortest of several must keep the promise.
test("a broadcast is listed within a second of its first frame, and no more within a second of its end", async (t) => {
  const begins = [];
  const ends = { ended: [], killed: [] };
  const names = { ended: "ended", killed: "killed" };
  const channels = { ended: await channel(names.ended), killed: await channel(names.killed) };
  const broadcast = async (how) => {
    const encoder = new Ffmpeg(t, channels[how].target, how === "ended" ? { seconds: 3 } : {});
    const { at } = await onAir(names[how]);
    begins.push(at - (await until("ffmpeg has sent", () => encoder.firstFrame)));
    if (how === "killed") encoder.process.kill("SIGKILL");
    const ended = await encoder.ended;
    ends[how].push((await offAir(names[how])) - ended.at);
  };
  for (let round = 0; round < 3; round++) await Promise.all([broadcast("ended"), broadcast("killed")]);
  for (const [what, times] of Object.entries({ "first frame to listed": begins, "end to gone": ends.ended, "kill -9 to gone": ends.killed })) {
    t.diagnostic(`${what}: ${times.join(", ")} ms`);
    assert(Math.min(...times) <= 1000, `${what}: ${times} ms`);
  }
});

test("a key that nobody has is refused", async (t) => {
  const { ingestUrl } = await channel("unknown");
  await refused(t, `${ingestUrl}sk_us-east-1_nobodyHasThisKey_0123456789abcdef`);
});

test("a rotated key is refused, the new one is taken, and who is on air stays there", async (t) => {
  const { ingestUrl, target } = await channel("rotated");
  const before = new Ffmpeg(t, target);
  await onAir("rotated");
  const { streamKey } = await call("POST", "/channels/rotated/stream-key");
  await refused(t, target);
  assert.equal((await stream("rotated")).state, "live");
  await before.end("SIGINT");
  await offAir("rotated");
  new Ffmpeg(t, ingestUrl + streamKey);
  await onAir("rotated");
});

test("a second encoder is refused, and the first goes on", async (t) => {
  const { target } = await channel("twice");
  const first = new Ffmpeg(t, target);
  const { stream: before } = await onAir("twice");
  await refused(t, target);
  assert.equal((await listed("twice"))?.session, before.session);
  assert.equal(first.process.exitCode, null);
});

test("a higher priority takes over, and a lower one does not", async (t) => {
  const { target } = await channel("takeover");
  const first = new Ffmpeg(t, `${target}?priority=1`);
  await onAir("takeover");
  const second = new Ffmpeg(t, `${target}?priority=2`);
  assert.notEqual((await first.ended).code, 0);
  await refused(t, `${target}?priority=1`);
  assert.equal((await onAir("takeover")).stream.state, "live");
  assert.equal(second.process.exitCode, null);
});

test("a stopped broadcast ends for the encoder and for the list", async (t) => {
  const { arn, target } = await channel("stopped");
  const encoder = new Ffmpeg(t, target);
  await onAir("stopped");
  await ivs.send(new StopStreamCommand({ channelArn: arn }));
  assert.notEqual((await encoder.ended).code, 0);
  await offAir("stopped");
});

test("IVS tells of the stream what the encoder sends", async (t) => {
  const { arn, playbackUrl, target } = await channel("told");
  const encoder = new Ffmpeg(t, target);
  const { stream: entry } = await onAir("told");
  const { stream: live } = await ivs.send(new GetStreamCommand({ channelArn: arn }));
  assert.deepEqual([live.state, live.health, live.streamId, live.playbackUrl], ["LIVE", "HEALTHY", entry.session, playbackUrl]);
  const { streamSession } = await ivs.send(new GetStreamSessionCommand({ channelArn: arn }));
  const { audio, video } = streamSession.ingestConfiguration;
  assert.deepEqual([video.videoWidth, video.videoHeight, audio.sampleRate], [640, 360, 48000]);
  assert.match(video.codec, /^avc1\./);
  assert.match(audio.codec, /^mp4a\./);
  const { streams } = await ivs.send(new ListStreamsCommand());
  assert(streams.some(({ channelArn }) => channelArn === arn));
  await encoder.end("SIGINT");
  await offAir("told");
  const { streamSessions } = await ivs.send(new ListStreamSessionsCommand({ channelArn: arn }));
  assert.deepEqual([streamSessions.length, streamSessions[0].streamId, streamSessions[0].endTime instanceof Date], [1, live.streamId, true]);
});

test("a private channel plays with its token, and neither without nor on the open list", async (t) => {
  const { arn, playbackUrl, target } = await channel("private", { private: true });
  new Ffmpeg(t, target);
  await until("IVS has the stream", async () => (await ivs.send(new ListStreamsCommand())).streams.some(({ channelArn }) => channelArn === arn));
  const { token } = await call("POST", "/channels/private/playback-tokens");
  const withToken = `${playbackUrl}?token=${token}`;
  await until("it can be played", async () => (await fetch(withToken)).ok);
  const pages = ["hls", "ivs"].map(async (player) => {
    const outside = await browsers.open(t, player, playbackUrl);
    await outside.reports("an error", ({ errors }) => errors.length);
    await (await browsers.open(t, player, withToken)).plays();
    assert.equal(outside.report.time, 0);
    assert(outside.report.errors.some(({ status, code }) => (status ?? code) === 403), JSON.stringify(outside.report.errors));
  });
  await Promise.all(pages);
  assert.equal((await fetch(playbackUrl)).status, 403);
  const forged = token.slice(0, -8) + (token.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA");
  assert.equal((await fetch(`${playbackUrl}?token=${forged}`)).status, 403);
  assert.equal(await listed("private"), undefined);
  assert.equal((await send("GET", "/streams/private")).status, 404);
});
