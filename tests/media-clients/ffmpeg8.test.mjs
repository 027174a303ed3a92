/** FFmpeg 8, HEVC by enhanced RTMP, and timed metadata. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";

import { PutMetadataCommand } from "@aws-sdk/client-ivs";

import { channel, ivs, onAir } from "./cloud.mjs";
import { Ffmpeg8 } from "./encoders.mjs";
import { Browsers } from "./players.mjs";

const run = promisify(execFile);
const browsers = await Browsers.start();
after(() => browsers.stop());

test("what is put as timed metadata reaches hls.js at its time, and Amazon's player", async (t) => {
  const { arn, playbackUrl, target } = await channel("cues");
  new Ffmpeg8(t, target, "h264");
  await onAir("cues");
  const page = await browsers.open(t, "hls", playbackUrl, { clock: true });
  const amazons = await browsers.open(t, "ivs", playbackUrl);
  await amazons.plays(1);
  await page.plays(1);
  const put = [];
  for (const text of ['{"question":1}', '{"question":2}']) {
    const { time } = page.report;
    const before = Date.now();
    await ivs.send(new PutMetadataCommand({ channelArn: arn, metadata: text }));
    put.push({ text, before, after: Date.now() });
    await page.reports("a second more", (report) => report.time > time + 1);
  }
  const { metadata } = await page.reports("both cues", ({ metadata }) => metadata.length >= put.length);
  assert.deepEqual(metadata.map(({ text }) => text), put.map(({ text }) => text));
  const seen = await amazons.reports("both cues", ({ metadata }) => metadata.length >= put.length);
  assert.deepEqual(seen.metadata.map(({ text }) => text), put.map(({ text }) => text));
  // The stream's clock is the one by which the server dated it. Where an encoder lags on a busy machine, so does it.
  for (const [index, { before, after }] of put.entries()) {
    const { date } = metadata[index];
    t.diagnostic(`put within ${after - before} ms, due ${Math.round(date - before)} ms after it was asked for`);
    assert(date > before - 3000 && date < after + 3000, `${date} is not within ${before} and ${after}`);
  }
  const ages = page.ages.toSorted((one, other) => one - other);
  t.diagnostic(`glass to glass: median ${ages[ages.length >> 1]} ms of ${ages.length} pictures`);
});

test("HEVC by enhanced RTMP is offered as hvc1 and can be decoded", async (t) => {
  const { playbackUrl, target } = await channel("hevc");
  new Ffmpeg8(t, target, "hevc");
  await onAir("hevc");
  assert.match(await (await fetch(playbackUrl)).text(), /CODECS="[^"]*hvc1\./);
  const entries = "stream=codec_name,codec_tag_string,width,height,nb_read_frames";
  const words = ["-loglevel", "error", "-select_streams", "v", "-count_frames", "-read_intervals", "%+2", "-show_entries", entries];
  const { stdout } = await run("ffprobe", [...words, "-print_format", "json", playbackUrl], { timeout: 60_000 });
  const [{ nb_read_frames: frames, ...video }] = JSON.parse(stdout).streams;
  assert.deepEqual(video, { codec_name: "hevc", codec_tag_string: "hvc1", width: 640, height: 360 });
  assert(frames > 30, `${frames} frames`);
});
