/**
 * What media costs, for scripts/bench-media: processor time and memory for four broadcasts of 720p30 at 3 Mbit/s without
 * viewers, beside nginx-rtmp with HLS on the same machine, and the time from glass to glass with hls.js.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { channel, onAir, until } from "./cloud.mjs";
import { Ffmpeg8 } from "./encoders.mjs";
import { Browsers } from "./players.mjs";
import { Program } from "./processes.mjs";

const { LOCAL_PID, MEDIA_SECONDS = "30", RTMP_URL, SCRATCH } = process.env;
const BROADCASTS = 4;
// The window of segments is full by then.
const SETTLE = 20_000;
const TARGETS = { core: 0.5, memory: 30, glass: 1200 };

// The end of the run, as processes.mjs knows the end of a test.
const ends = [];
const run = { after: (end) => ends.unshift(end) };

// In which processor time is counted.
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"]));

/** Processor time of a process, in seconds, and its memory, in MB. */
function usage(pid) {
  // After the name, which may have blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / TICKS, rss: rss / 1024 };
}

const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1];

/** A recording to send again and again, so that no encoder takes part. */
async function recording() {
  const file = join(SCRATCH, "720p30.flv");
  const picture = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t"];
  const tone = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
  const rate = ["-b:v", "3M", "-minrate", "3M", "-maxrate", "3M", "-bufsize", "3M", "-x264-params", "nal-hrd=cbr"];
  const codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", ...rate, "-c:a", "aac", "-b:a", "128k"];
  const made = new Program(run, "ffmpeg", ["-loglevel", "error", ...picture, ...tone, "-t", "30", ...codecs, file]);
  if ((await made.ended).code !== 0) throw new Error(made.text);
  return file;
}

/** Sends the recording to some targets, and gives what that costs a process. */
async function measure(pid, file, targets, begun) {
  const words = ["-loglevel", "error", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-f", "flv"];
  const encoders = targets.map((target) => new Program(run, "ffmpeg", [...words, target]));
  await begun();
  await pause(SETTLE);
  const first = usage(pid);
  await pause(1000 * Number(MEDIA_SECONDS));
  const last = usage(pid);
  for (const { process, text } of encoders) if (process.exitCode !== null) throw new Error(`an encoder ended: ${text}`);
  await Promise.all(encoders.map((encoder) => encoder.end("SIGINT")));
  const core = (100 * (last.cpu - first.cpu)) / Number(MEDIA_SECONDS) / targets.length;
  return { core, memory: last.rss };
}

/** nginx-rtmp with HLS of the same segments, as the yardstick of this machine and this minute. */
async function nginx(file) {
  const port = 19_350;
  const configuration = join(SCRATCH, "nginx.conf");
  writeFileSync(
    configuration,
    `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
    daemon off; master_process off; pid ${SCRATCH}/nginx.pid; error_log ${SCRATCH}/nginx.log;
    events {}
    rtmp { server { listen 127.0.0.1:${port}; application app {
      live on; hls on; hls_path ${SCRATCH}/hls; hls_fragment 1s; hls_playlist_length 12s;
    } } }`,
  );
  const server = new Program(run, "nginx", ["-c", configuration, "-p", SCRATCH, "-e", `${SCRATCH}/nginx.log`]);
  await pause(1000);
  const targets = Array.from({ length: BROADCASTS }, (_, index) => `rtmp://127.0.0.1:${port}/app/s${index}`);
  const playlists = () => readdirSync(join(SCRATCH, "hls")).filter((name) => name.endsWith(".m3u8")).length === BROADCASTS;
  const rest = usage(server.process.pid).rss;
  const cost = await measure(server.process.pid, file, targets, () => until("nginx has playlists", playlists));
  await server.end("SIGTERM");
  return { rest, ...cost };
}

async function glassToGlass() {
  const { playbackUrl, target } = await channel("bench-glass");
  new Ffmpeg8(run, target, "h264", 600);
  await onAir("bench-glass");
  const browsers = await Browsers.start();
  run.after(() => browsers.stop());
  const page = await browsers.open(run, "hls", playbackUrl, { clock: true });
  await page.plays(5);
  // It has come to its distance from the end by now.
  const from = page.ages.length;
  await page.plays(20);
  return median(page.ages.slice(from));
}

const line = (name, ...cells) => console.log(name.padEnd(34), ...cells.map((cell) => `${cell}`.padStart(16)));

try {
  const file = await recording();
  const baseline = await nginx(file);
  const channels = await Promise.all(Array.from({ length: BROADCASTS }, (_, index) => channel(`bench-${index}`)));
  const begun = () => Promise.all(channels.map(({ name }) => onAir(name)));
  const rest = usage(LOCAL_PID).rss;
  const plain = await measure(LOCAL_PID, file, channels.map(({ streamKey }) => RTMP_URL + streamKey), begun);
  const tls = await measure(LOCAL_PID, file, channels.map(({ target }) => target), begun);
  const glass = await glassToGlass();

  const measured = {
    "nginx-rtmp with HLS": baseline,
    "local cloud, RTMP": { rest, ...plain },
    "local cloud, RTMPS": { rest, ...tls },
  };
  line(`${BROADCASTS} x 720p30, 3 Mbit/s`, "% of a core each", "to nginx-rtmp", "MB more", "MB at rest");
  for (const [name, { core, memory, rest }] of Object.entries(measured)) {
    line(name, core.toFixed(2), (core / baseline.core).toFixed(2), (memory - rest).toFixed(1), rest.toFixed(1));
  }
  line("glass to glass, hls.js, median", `${glass} ms`);
  const missed = [
    plain.core > TARGETS.core && `${TARGETS.core} % of a core`,
    plain.memory - rest > TARGETS.memory && `${TARGETS.memory} MB`,
    glass > TARGETS.glass && `${TARGETS.glass} ms`,
  ].filter(Boolean);
  console.log(missed.length ? `missed: ${missed.join(", ")}` : "within all targets");
  process.exitCode = missed.length ? 1 : 0;
} finally {
  for (const end of ends) await end();
}
