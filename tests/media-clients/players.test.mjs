/** Each player that people use plays the same broadcast, and knows its end; so do sound and picture alone. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { after, test } from "node:test";

import { channel, onAir, offAir } from "./cloud.mjs";
import { Ffmpeg } from "./encoders.mjs";
import { Browsers, decode, mpv, vlc } from "./players.mjs";

const browsers = await Browsers.start();
after(() => browsers.stop());

// One broadcast for all: what a player is shown does not depend on who else looks.
test("Amazon's player, video.js, hls.js in Chromium and Firefox, mpv, VLC and ffmpeg play", { concurrency: true }, async (t) => {
  const { playbackUrl, target } = await channel("everybody");
  const encoder = new Ffmpeg(t, target);
  await onAir("everybody");
  const programs = { mpv: mpv(t, playbackUrl), vlc: vlc(t, playbackUrl), ffmpeg: decode(t, playbackUrl) };
  const pages = {
    "Amazon's player": await browsers.open(t, "ivs", playbackUrl),
    "video.js": await browsers.open(t, "videojs", playbackUrl),
    "hls.js": await browsers.open(t, "hls", playbackUrl),
    "hls.js in Firefox": await browsers.openFirefox(t, "hls", playbackUrl),
  };
  await Promise.all(
    Object.entries(pages).map(([name, page]) =>
      t.test(`${name} plays`, async () => {
        const report = await page.plays(5);
        assert.deepEqual([report.width, report.height], [640, 360]);
        assert(report.hasAudio, "no sound");
        assert.equal(report.failure, undefined);
        if (name === "Amazon's player") assert.deepEqual([report.state, report.errors], ["Playing", []]);
      }),
    ),
  );
  await encoder.end("SIGINT");
  await offAir("everybody");
  await t.test("Amazon's player and hls.js know the end", async () => {
    await pages["Amazon's player"].reports("the end", ({ state }) => state === "Ended");
    await pages["hls.js in Firefox"].reports("the end", ({ ended }) => ended);
    await pages["hls.js"].reports("the end", ({ ended }) => ended);
  });
  await t.test("mpv plays to the end", async () => {
    const { code } = await programs.mpv.ended;
    assert.equal(code, 0, programs.mpv.text);
    assert.match(programs.mpv.text, /AO: \[null\].*VO: \[null\] 640x360|VO: \[null\] 640x360[^]*AO: \[null\]|AO: \[null\][^]*VO: \[null\] 640x360/);
    const [, at] = [...programs.mpv.text.matchAll(/at (\d+\.\d+)/g)].at(-1);
    assert(at > 5, `it got to ${at} s`);
  });
  await t.test("VLC plays to the end", async () => {
    const { code } = await programs.vlc.ended;
    assert.equal(code, 0, programs.vlc.text.slice(-2000));
    const pictures = statSync(programs.vlc.pictures).size / (640 * 360 * 1.5);
    assert(pictures > 100, `${pictures} pictures`);
  });
  await t.test("ffmpeg decodes to the end", async () => {
    const { code } = await programs.ffmpeg.ended;
    assert.equal(code, 0, programs.ffmpeg.text);
    const [, frames] = [...programs.ffmpeg.text.matchAll(/^frame=(\d+)/gm)].at(-1);
    assert(frames > 100, `${frames} frames`);
  });
});

test("sound alone plays", async (t) => {
  const { playbackUrl, target } = await channel("radio");
  new Ffmpeg(t, target, { picture: false });
  await onAir("radio");
  const page = await browsers.open(t, "hls", playbackUrl);
  const first = await page.plays(1);
  const { audioBytes, frames } = await page.plays(2);
  assert(audioBytes > first.audioBytes && frames === 0, JSON.stringify({ audioBytes, frames }));
});

test("picture alone plays", async (t) => {
  const { playbackUrl, target } = await channel("silent");
  new Ffmpeg(t, target, { tone: false });
  await onAir("silent");
  const { audioBytes, frames } = await (await browsers.open(t, "hls", playbackUrl)).plays(2);
  assert(frames > 30 && audioBytes === 0, JSON.stringify({ audioBytes, frames }));
});
