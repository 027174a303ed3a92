/**
 * How old a picture is when it is seen, for scripts/bench-broadcasts: a camera with a clock in its picture, live by the
 * broadcaster's page, read from the player of the watch page; beside it, in the same minute, how old the newest frame of a part
 * is when the playlist has it. The difference is the player's.
 */
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

import { AUTOPLAY, startChromium } from "../browsers.mjs";
import { channel } from "../cloud.mjs";
import { ALLOWED, servers, Tab } from "./studio.mjs";

const SECONDS = Number(process.env.MEASURED_SECONDS);
/** How far behind a player is depends on when it came: so many come, one after the other. */
const JOINS = 3;
/** It has come to its distance from the end by then. */
const SETTLES = 10_000;
const TARGET = 2000;
/** The picture's width, and the line of it in which the clock is read. */
const [WIDTH, LINE] = [1280, 40];
/** More frames than come before a key frame. */
const GROUP = 60;

/** A time as bars, black or white: 24 bits of milliseconds, and 8 that check them. */
function defineClock() {
  const BARS = 32;
  const check = (time) => {
    let sum = 0xff;
    for (let bit = 23; bit >= 0; bit--) sum = ((sum << 1) ^ ((sum >> 7) ^ ((time >> bit) & 1) ? 0x07 : 0)) & 0xff;
    return sum;
  };
  globalThis.clock = {
    bars(time) {
      const low = time % 2 ** 24;
      return Array.from({ length: BARS }, (_, bar) => (bar < 24 ? low >> bar : check(low) >> (bar - 24)) & 1);
    },
    /** How long ago the time in a line of grey was; `undefined` if it is none. */
    age(line, now, step = 1) {
      const width = line.length / step;
      let [time, sum] = [0, 0];
      for (let bar = 0; bar < BARS; bar++) {
        const bit = line[step * Math.floor(((bar + 0.5) * width) / BARS)] > 128 ? 1 : 0;
        if (bar < 24) time |= bit << bar;
        else sum |= bit << (bar - 24);
      }
      return check(time) === sum ? (((now % 2 ** 24) - time + 2 ** 24) % 2 ** 24) : undefined;
    },
  };
}

/** Puts a clock in the place of the camera's picture, 720p30 with something that moves; the sound stays Chromium's. */
function useClock() {
  const [WIDTH, HEIGHT, BAND, NOISE] = [1280, 720, 80, 40];
  const devices = navigator.mediaDevices;
  const real = devices.getUserMedia.bind(devices);
  const picture = () => {
    // As noisy as a camera: the recorder is to need the rate that it may have.
    const textures = Array.from({ length: 8 }, () => Uint8Array.from({ length: 2 * WIDTH }, (_, x) => 128 + 60 * Math.sin(x / 37) + NOISE * Math.random()));
    const data = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
    const track = new MediaStreamTrackGenerator({ kind: "video" });
    const writer = track.writable.getWriter();
    let count = 0;
    const timer = setInterval(() => {
      if (track.readyState === "ended") return clearInterval(timer);
      count += 1;
      for (let y = BAND; y < HEIGHT; y++) {
        const from = (3 * count + 7 * y) % WIDTH;
        data.set(textures[(5 * count + 3 * y) % textures.length].subarray(from, from + WIDTH), y * WIDTH);
      }
      const line = new Uint8Array(WIDTH);
      const time = Date.now();
      clock.bars(time).forEach((bar, at) => line.fill(bar ? 220 : 30, (at * WIDTH) / 32, ((at + 1) * WIDTH) / 32));
      for (let y = 0; y < BAND; y++) data.set(line, y * WIDTH);
      // Who waits for the recorder gets no later picture for it.
      if (writer.desiredSize > 0) {
        writer.write(new VideoFrame(data, { format: "I420", codedWidth: WIDTH, codedHeight: HEIGHT, timestamp: 1000 * time }));
      }
    }, 1000 / 30);
    return track;
  };
  devices.getUserMedia = async (constraints) => {
    const stream = await real(constraints);
    for (const track of stream.getVideoTracks()) {
      track.stop();
      stream.removeTrack(track);
      stream.addTrack(picture());
    }
    return stream;
  };
}

/** Reads the clock of the video, ten times a second, and what the page says of its latency. */
function watchClock(row) {
  globalThis.ages = [];
  globalThis.unread = 0;
  globalThis.said = [];
  const video = document.querySelector("video");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = 0;
  const look = (now) => {
    video.requestVideoFrameCallback(look);
    if (now - last < 95) return;
    last = now;
    const at = Date.now();
    const width = (canvas.width = video.videoWidth);
    canvas.height = 1;
    context.drawImage(video, 0, row, width, 1, 0, 0, width, 1);
    const age = clock.age(context.getImageData(0, 0, width, 1).data, at, 4);
    if (age === undefined) unread += 1;
    else ages.push(age);
  };
  video.requestVideoFrameCallback(look);
  setInterval(() => said.push(1000 * Number.parseFloat(document.querySelector("#delay").textContent)), 1000);
}

/** Takes the parts of a broadcast as soon as the playlist has them, each with the time at which it was here. */
class Parts {
  constructor(url) {
    this.url = url;
    this.all = [];
    this.runs = true;
    this.ended = this.take();
    // Whoever awaits it hears of it.
    this.ended.catch(() => {});
  }

  async take() {
    const load = async (url) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
      return answer;
    };
    const bytes = async (url) => new Uint8Array(await (await load(url)).arrayBuffer());
    const master = await (await load(this.url)).text();
    const list = new URL(master.split("\n").find((line) => line && !line.startsWith("#")), this.url);
    const known = new Set();
    let waits = "";
    while (this.runs) {
      const text = await (await load(list + waits)).text();
      const at = Date.now();
      this.init ??= await bytes(new URL(/#EXT-X-MAP:URI="([^"]+)"/.exec(text)[1], list));
      const newest = [...text.matchAll(/#EXT-X-PART:[^\n]*URI="([^"]+)"/g)].map(([, name]) => name).filter((name) => !known.has(name));
      // What the first answer has is of before.
      const counts = known.size > 0;
      for (const name of newest) {
        known.add(name);
        if (counts) this.all.push({ at, data: await bytes(new URL(name, list)) });
      }
      const [, number, part] = /PRELOAD-HINT:[^\n]*URI="part-(\d+)-(\d+)/.exec(text);
      waits = `?_HLS_msn=${number}&_HLS_part=${part}`;
    }
  }

  /** How old the newest frame of each part was. */
  async ages() {
    this.runs = false;
    await this.ended;
    const command = `-v error -f mp4 -i pipe:0 -map 0:v -vsync passthrough -vf format=gray,crop=iw:1:0:${LINE} -f rawvideo -`;
    const { stdout, stderr } = spawnSync("ffmpeg", command.split(" "), {
      input: Buffer.concat([this.init, ...this.all.map(({ data }) => data)]),
      maxBuffer: 1 << 30,
    });
    const counts = this.all.map(({ data }) => pictures(data));
    // What comes before the first key frame is not decoded.
    let skipped = counts.reduce((sum, count) => sum + count, 0) - stdout.length / WIDTH;
    if (skipped < 0 || skipped > GROUP) throw new Error(`${stdout.length / WIDTH} pictures of ${counts}: ${stderr}`);
    let end = 0;
    return this.all.flatMap(({ at }, index) => {
      const decoded = Math.max(0, counts[index] - skipped);
      skipped -= counts[index] - decoded;
      end += decoded;
      return decoded > 0 ? (clock.age(stdout.subarray((end - 1) * WIDTH, end * WIDTH), at) ?? []) : [];
    });
  }
}

/** How many pictures a part has: `tfhd` says of which track the `trun` that follows is, and that says how many. */
function pictures(part) {
  const data = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  const head = data.subarray(0, data.indexOf("mdat"));
  let count = 0;
  for (let at = head.indexOf("tfhd"); at >= 0; at = head.indexOf("tfhd", at + 4)) {
    const run = head.indexOf("trun", at);
    if (head.readUInt32BE(at + 8) === 1 && run >= 0) count += head.readUInt32BE(run + 8);
  }
  return count;
}

function spread(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  const [low, median, high] = [0.1, 0.5, 0.9].map((share) => sorted[Math.floor(share * (sorted.length - 1))]);
  return { low, median, high, count: sorted.length };
}

const told = ({ low, median, high, count }) => `${median} ms in the median, ${low} to ${high} ms from the 10th to the 90th percentile, of ${count}`;

/** What a viewer sees who comes now, and what the playlist has meanwhile. */
async function watched(browser, playbackUrl) {
  const leaves = [];
  const viewer = await Tab.open({ after: (end) => leaves.push(end) }, browser, "/watch/bench-latency");
  await viewer.reaches("live", 60);
  await viewer.plays();
  await pause(SETTLES);
  const parts = new Parts(playbackUrl);
  await viewer.page.evaluate(watchClock, LINE);
  await pause((1000 * SECONDS) / JOINS);
  const seen = await viewer.page.evaluate(() => {
    const { totalVideoFrames: decoded, droppedVideoFrames: dropped } = document.querySelector("video").getVideoPlaybackQuality();
    return { ages, unread, said, decoded, dropped };
  });
  for (const end of leaves) await end();
  return { ...seen, parts: await parts.ages() };
}

defineClock();
const ends = [];
try {
  await servers(1);
  const { playbackUrl } = await channel("bench-latency");
  const browser = await startChromium(ALLOWED, AUTOPLAY);
  ends.unshift(() => browser.close());
  const withClock = (script) => ({
    async newContext(options) {
      const context = await browser.newContext(options);
      await context.addInitScript(`(${defineClock})(); ${script}`);
      return context;
    },
  });
  const run = { after: (end) => ends.unshift(end) };
  const broadcaster = await Tab.open(run, withClock(`(${useClock})();`), "/broadcast/bench-latency", { user: "alice" });
  await broadcaster.reaches("ready");
  await broadcaster.forget();
  await broadcaster.press("go");
  await broadcaster.reaches("live");
  const went = await broadcaster.page.evaluate(() => times.join(", "));
  const began = loadavg();
  const [ages, parts, said, lost] = [[], [], [], { unread: 0, decoded: 0, dropped: 0 }];
  for (let join = 0; join < JOINS; join++) {
    const seen = await watched(withClock(""), playbackUrl);
    ages.push(seen.ages);
    parts.push(...seen.parts);
    said.push(...seen.said);
    for (const name in lost) lost[name] += seen[name];
  }
  const [player, packager, shown] = [spread(ages.flat()), spread(parts), spread(said.filter((latency) => latency > 0))];
  const joins = ages.map((ages) => spread(ages).median).join(", ");
  console.log(`load average:         ${began[0].toFixed(1)} at the beginning, ${loadavg()[0].toFixed(1)} at the end`);
  console.log(`go live:              ${went}; ${await broadcaster.page.locator("#sent").innerText()}`);
  console.log(`camera to player:     ${told(player)}, and ${lost.unread} without a clock; ${joins} ms by viewer`);
  console.log(`frames decoded:       ${lost.decoded}, of which ${lost.dropped} came too late to be shown`);
  console.log(`camera to playlist:   ${told(packager)} parts`);
  console.log(`the player says:      ${told(shown)}, behind the ingest`);
  console.log(`player to playlist:   ${(player.median / packager.median).toFixed(2)}, ${player.median - packager.median} ms more`);
  if (player.median > TARGET) {
    console.log(`target missed:        ${TARGET} ms`);
    process.exitCode = 1;
  }
} finally {
  for (const end of ends) await end();
}
