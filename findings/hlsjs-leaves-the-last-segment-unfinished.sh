#!/usr/bin/env bash
# hls.js 1.7.4 loads no more parts of a segment that it has begun, once the playlist has ended: the last seconds are lost.
#
# One would guess: a player of low-latency HLS that has the first parts of the last segment loads the rest of it when
# they are listed together with `#EXT-X-ENDLIST`, as it would without the end, or loads the whole segment.
# What happens: it reloads the playlist, sees parts and segment, and asks for none of them, be it one part that came with
# the end or two. If the playlist still lists the parts, playback stalls after those that it had, and `ended` never comes; if
# it lists segments alone, `ended` comes there, too early and without an error. It plays to the end if the last part came
# before the end, and if it had no part of the last segment yet.
# What follows: what is left when a broadcast ends goes into a segment of its own, however short, and playlists that have ended
# list no parts. A test looks at the time at which the player has ended, and not only at whether.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} ||
  { echo "needs Chromium; CHROMIUM says where it is" >&2; exit 2; }
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check av==18.1.0 numpy==2.4.1
npm install --silent --no-fund --no-audit --prefix . hls.js@1.7.4 playwright-core@1.65.1 >/dev/null
echo "$(npm ls --depth 0 | grep -o '[a-z.-]*@[0-9].*' | paste -sd' '), node $(node --version), $("$chromium" --version 2>/dev/null)"

cat >make.py <<'PYTHON'
import av
import numpy

# Eight seconds, in fragments of half a second, each of which can be played by itself.
fragmented = {"movflags": "empty_moov+default_base_moof+frag_keyframe"}
with av.open("broadcast.mp4", "w", format="mp4", options=fragmented) as mp4:
    track = mp4.add_stream("libx264", rate=10, options={"tune": "zerolatency", "g": "5", "sc_threshold": "0"})
    track.width, track.height, track.pix_fmt = 320, 240, "yuv420p"
    for n in range(80):
        picture = av.VideoFrame.from_ndarray(numpy.full((360, 320), 3 * n, dtype=numpy.uint8), format="yuv420p")
        picture.pts = n
        mp4.mux(track.encode(picture))
    mp4.mux(track.encode(None))
PYTHON
cat >watch.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const file = readFileSync("broadcast.mp4");
const [PER_SEGMENT, ALL] = [4, 16];
const parts = [];
let init = Buffer.alloc(0);
for (let at = 0; at < file.length; ) {
  const box = file.subarray(at, at + file.readUInt32BE(at));
  const kind = box.toString("latin1", 4, 8);
  if (kind === "ftyp" || kind === "moov") init = Buffer.concat([init, box]);
  else if (kind === "moof") parts.push(box);
  else if (kind === "mdat") parts.push(Buffer.concat([parts.pop(), box]));
  at += box.length;
}
if (parts.length !== ALL) throw new Error(`${parts.length} parts`);

// Half of the parts are there at first; then one comes every half second, and the last ones (or none) together with the end.
class Broadcast {
  constructor(burst, listed) {
    Object.assign(this, { burst, listed, there: ALL / 2, ended: false, asked: [], waiting: [] });
    const timer = setInterval(() => {
      this.ended = this.there + burst >= ALL;
      this.there = this.ended ? ALL : this.there + 1;
      if (this.ended) clearInterval(timer);
      for (const go of this.waiting.splice(0)) go();
    }, 500);
  }

  async until(part) {
    while (this.there <= part && !this.ended) await new Promise((go) => this.waiting.push(go));
  }

  playlist() {
    let text = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n";
    text += "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n#EXT-X-PART-INF:PART-TARGET=0.5\n";
    text += '#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI="init.mp4"\n';
    for (let part = 0; part < this.there; part++) {
      if (!this.ended || this.listed) text += `#EXT-X-PART:DURATION=0.5,URI="part-${part}.m4s",INDEPENDENT=YES\n`;
      if ((part + 1) % PER_SEGMENT === 0) text += `#EXTINF:2.0,\nsegment-${(part + 1) / PER_SEGMENT - 1}.m4s\n`;
    }
    if (this.ended) return `${text}#EXT-X-ENDLIST\n`;
    return this.there === ALL ? text : `${text}#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-${this.there}.m4s"\n`;
  }

  async answer(kind, number, query) {
    if (kind === "init") return init;
    if (kind === "live") {
      const [segment, part] = [query.get("_HLS_msn"), query.get("_HLS_part") ?? PER_SEGMENT - 1];
      if (segment !== null) await this.until(segment * PER_SEGMENT + Number(part));
      return this.playlist();
    }
    this.asked.push(`${kind} ${number}`);
    if (kind === "segment") return Buffer.concat(parts.slice(number * PER_SEGMENT, (number + 1) * PER_SEGMENT));
    await this.until(number);
    return parts[number];
  }
}

const PAGE = "<video muted></video><script src=hls.js></script>";
let broadcast;
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const [, kind, number] = /^\/(live|init|part|segment)(?:-(\d+))?\.(?:m3u8|mp4|m4s)$/.exec(pathname) ?? [];
  if (kind) response.end(await broadcast.answer(kind, Number(number), searchParams));
  else if (pathname === "/hls.js") response.end(readFileSync("node_modules/hls.js/dist/hls.js"));
  else if (pathname === "/") response.setHeader("content-type", "text/html").end(PAGE);
  else response.writeHead(404).end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const args = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"];
const browser = await chromium.launch({ executablePath: process.argv[2], args });
for (const burst of [0, 1, 2, 4]) {
  for (const listed of [true, false]) {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    broadcast = new Broadcast(burst, listed);
    const seen = await page.evaluate(async () => {
      const video = document.querySelector("video");
      const hls = new Hls();
      const errors = [];
      hls.on(Hls.Events.ERROR, (_, { details }) => errors.push(details));
      hls.loadSource("live.m3u8");
      hls.attachMedia(video);
      video.play();
      // It takes six seconds, if it ends.
      await new Promise((resolve) => {
        video.addEventListener("ended", resolve);
        setTimeout(resolve, 15_000);
      });
      const loaded = video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0;
      return `${loaded} of 8 seconds, ${video.ended ? "ended" : "never ended"}, ${errors.join(", ") || "no error"}`;
    });
    const list = listed ? "parts and segments" : "segments alone";
    const last = broadcast.asked.at(-1);
    console.log(`${burst} parts with the end, then ${list}: last asked for ${last}; ${seen}`);
    await page.close();
  }
}
await browser.close();
server.close();
JS
venv/bin/python make.py
node watch.mjs "$chromium" | tee seen

diff - seen <<'EXPECTED'
0 parts with the end, then parts and segments: last asked for part 15; 8 of 8 seconds, ended, no error
0 parts with the end, then segments alone: last asked for part 15; 8 of 8 seconds, ended, no error
1 parts with the end, then parts and segments: last asked for part 14; 7.5 of 8 seconds, never ended, bufferStalledError
1 parts with the end, then segments alone: last asked for part 14; 7.5 of 8 seconds, ended, no error
2 parts with the end, then parts and segments: last asked for part 13; 7 of 8 seconds, never ended, bufferStalledError
2 parts with the end, then segments alone: last asked for part 13; 7 of 8 seconds, ended, no error
4 parts with the end, then parts and segments: last asked for part 15; 8 of 8 seconds, ended, no error
4 parts with the end, then segments alone: last asked for segment 3; 8 of 8 seconds, ended, no error
EXPECTED
