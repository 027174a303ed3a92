#!/usr/bin/env bash
# Chromium 156 records H.264 into Matroska without its configuration; FFmpeg makes FLV without it, if the sound came first.
#
# One would guess: a recording in `video/x-matroska;codecs=avc1,opus` is as Matroska's codec mapping has it, with an
# AVCDecoderConfigurationRecord in CodecPrivate and a length before each NAL unit; its tracks are in the order of the stream, or
# of their kinds; and FFmpeg copies it into FLV that can be played, or fails.
# What happens: there is no CodecPrivate, and Annex B's start codes are in the blocks. The track that has something encoded first
# is track 1, and has the first block: it is the sound if the picture's encoder is slower, as on a busy machine. With
# `-probesize 32 -analyzeduration 0`, as recipes for low latency say, FFmpeg has then looked at sound alone, and writes an empty
# AVC sequence header. 4.2, and Debian 12's 5.1, write no other: nothing is logged as an error, FFmpeg itself still decodes what
# it wrote, and mpegts.js plays neither picture nor sound. 9.0, and 7.0, write a good one after it.
# What follows: with `-bsf:v h264_mp4toannexb,extract_extradata` each of these writes the good one. A reader of FLV waits for a
# sequence header that is not empty. A test has recordings of either order, and takes more than FFmpeg's word for what plays.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chromium=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} ||
  { echo "needs Chromium; CHROMIUM says where it is" >&2; exit 2; }
cd "$folder"
for version in 0.5.1 0.8.1; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --disable-pip-version-check "imageio-ffmpeg==$version"
  ln -s "$("venv-$version/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')" "ffmpeg-$version"
  echo "imageio-ffmpeg $version: $("./ffmpeg-$version" -version | head -n 1)"
done
npm install --silent --no-fund --no-audit --prefix . mpegts.js@1.8.2 playwright-core@1.65.1 >/dev/null
echo "$(npm ls --depth 0 | grep -o '[a-z.-]*@[0-9].*' | paste -sd' '), node $(node --version), $("$chromium" --version 2>/dev/null)"

cat >browser.mjs <<'JS'
import { chromium } from "playwright-core";

const args = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"];
export const browser = await chromium.launch({ executablePath: process.argv[2], args });
JS
cat >record.mjs <<'JS'
import { writeFileSync } from "node:fs";
import { browser } from "./browser.mjs";

for (const first of ["sound", "picture"]) {
  const page = await browser.newPage();
  const recording = await page.evaluate(async (first) => {
    const audio = new AudioContext();
    if (first === "picture") await audio.suspend();
    const tone = new OscillatorNode(audio);
    const sound = new MediaStreamAudioDestinationNode(audio);
    tone.connect(sound);
    tone.start();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 240];
    const context = canvas.getContext("2d");
    const picture = canvas.captureStream(0);
    let hue = 0;
    const draw = () => {
      context.fillStyle = `hsl(${(hue += 7)} 80% 50%)`;
      context.fillRect(0, 0, canvas.width, canvas.height);
      picture.getVideoTracks()[0].requestFrame();
    };
    const record = (stream, mimeType, take) => {
      const recorder = new MediaRecorder(stream, { mimeType });
      recorder.addEventListener("dataavailable", ({ data }) => data.size > 0 && take(data));
      recorder.start(100);
      return recorder;
    };
    const both = new MediaStream([...picture.getTracks(), ...sound.stream.getTracks()]);
    const chunks = [];
    const recorder = record(both, "video/x-matroska;codecs=avc1,opus", (data) => chunks.push(data));
    // The second begins when a recorder of the first alone has written something.
    const begun = new Promise((go) => {
      if (first === "sound") record(sound.stream, "audio/webm;codecs=opus", go);
      else record(picture, "video/x-matroska;codecs=avc1", go);
    });
    if (first === "sound") await begun;
    setInterval(draw, 33);
    await begun;
    await audio.resume();
    await new Promise((go) => setTimeout(go, 2000));
    recorder.stop();
    await new Promise((go) => recorder.addEventListener("stop", go));
    return [...new Uint8Array(await new Blob(chunks).arrayBuffer())];
  }, first);
  writeFileSync(`${first}.mkv`, Uint8Array.from(recording));
  await page.close();
}
await browser.close();
JS
cat >copy.py <<'PYTHON'
import subprocess

SMALL = ["-probesize", "32", "-analyzeduration", "0"]
FILTERS = ["-bsf:v", "h264_mp4toannexb,extract_extradata"]
SEGMENT, TRACKS, TRACK, CLUSTER = "18538067", "1654ae6b", "ae", "1f43b675"
NUMBER, CODEC, PRIVATE, BLOCK = "d7", "86", "63a2", "a3"


def elements(data, at, end):
    """Of Matroska: the id of each element, and where what it holds begins and ends; that of an unknown size holds the rest."""
    while at < end:
        length = 9 - data[at].bit_length()
        name, at = data[at : at + length].hex(), at + length
        length = 9 - data[at].bit_length()
        size, unknown = int.from_bytes(data[at : at + length], "big") - (1 << 7 * length), (1 << 7 * length) - 1
        at += length
        close = end if size == unknown else at + size
        yield name, at, close
        if name in (SEGMENT, TRACKS, CLUSTER):
            yield from elements(data, at, close)
        at = close


def recording(path):
    data = open(path, "rb").read()
    tracks, described, blocks = {}, [], []
    for name, at, close in elements(data, 0, len(data)):
        if name == TRACK:
            held = {name: data[at:close] for name, at, close in elements(data, at, close)}
            tracks[held[NUMBER][0]] = codec = held[CODEC].decode()
            if PRIVATE in held:
                described.append(codec)
        elif name == BLOCK:
            blocks.append((data[at] & 127, data[at + 4 : close]))
    pictures = [block for track, block in blocks if tracks[track] == "V_MPEG4/ISO/AVC"]
    begin = sum(block.startswith(b"\0\0\0\1") for block in pictures)
    yield f"tracks {', '.join(f'{n}: {codec}' for n, codec in tracks.items())}"
    yield f"CodecPrivate: {' and '.join(described)}"
    yield f"first block: {tracks[blocks[0][0]]}"
    yield "start codes" if begin == len(pictures) else f"start codes in {begin} of {len(pictures)}"


def sequence_headers(path):
    data = open(path, "rb").read()
    at = 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        body = data[at + 11 : at + 11 + size]
        if data[at] == 9 and body[1] == 0:
            yield "empty" if len(body) == 5 else "good" if body[5] == 1 else body.hex()
        at += 11 + size + 4


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, check=True, **options)
    return done.stdout, "no error" if not done.stderr else done.stderr.decode()


for first in ("sound", "picture"):
    print(f"{first} first:", "; ".join(recording(f"{first}.mkv")))
for version, package in (("4.2", "0.5.1"), ("9.0", "0.8.1")):
    ffmpeg = [f"./ffmpeg-{package}", "-v", "error"]
    for first, title, before, after in (
        ("sound", "", [], []),
        ("sound", ", small", SMALL, []),
        ("sound", ", small, filters", SMALL, FILTERS),
        ("picture", ", small", SMALL, []),
    ):
        what = f"{first} first, FFmpeg {version}{title}"
        flv = f"{what}.flv"
        with open(f"{first}.mkv", "rb") as file:
            copied = [*before, "-i", "pipe:0", "-map", "0:v", "-map", "0:a", "-c:v", "copy", *after, "-c:a", "aac", flv]
            _, error = run(*ffmpeg, *copied, stdin=file)
        decoded, _ = run(*ffmpeg, "-i", flv, "-map", "0:v", "-f", "rawvideo", "-")
        print(f"{what}: headers {' and '.join(sequence_headers(flv))}, {error}, decoded: {'yes' if decoded else 'no'}")
PYTHON
cat >play.mjs <<'JS'
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { browser } from "./browser.mjs";

const PAGE = "<video></video><script src=mpegts.js></script>";
const server = createServer((request, response) => {
  const path = decodeURI(request.url);
  if (path === "/mpegts.js") response.end(readFileSync("node_modules/mpegts.js/dist/mpegts.js"));
  else if (path.endsWith(".flv")) response.end(readFileSync(`.${path}`));
  else response.setHeader("content-type", "text/html").end(PAGE);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const played = { true: [], false: [] };
for (const file of readdirSync(".").filter((name) => name.endsWith(".flv")).sort()) {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const pictures = await page.evaluate(async (file) => {
    const video = document.querySelector("video");
    const player = mpegts.createPlayer({ type: "flv", url: file });
    player.attachMediaElement(video);
    player.load();
    // It takes three seconds, if it ends.
    await new Promise((resolve) => {
      video.addEventListener("ended", resolve);
      setTimeout(resolve, 15_000);
      video.play().catch(resolve);
    });
    return video.getVideoPlaybackQuality().totalVideoFrames;
  }, file);
  played[pictures > 0].push(file.replace(".flv", ""));
  await page.close();
}
await browser.close();
server.close();
console.log(`mpegts.js plays nothing of: ${played.false.join("; ")}`);
console.log(`mpegts.js plays ${played.true.length} others`);
JS
node record.mjs "$chromium"
venv-0.8.1/bin/python copy.py | tee seen
node play.mjs "$chromium" | tee -a seen

diff - seen <<'EXPECTED'
sound first: tracks 1: A_OPUS, 2: V_MPEG4/ISO/AVC; CodecPrivate: A_OPUS; first block: A_OPUS; start codes
picture first: tracks 1: V_MPEG4/ISO/AVC, 2: A_OPUS; CodecPrivate: A_OPUS; first block: V_MPEG4/ISO/AVC; start codes
sound first, FFmpeg 4.2: headers good, no error, decoded: yes
sound first, FFmpeg 4.2, small: headers empty, no error, decoded: yes
sound first, FFmpeg 4.2, small, filters: headers empty and good, no error, decoded: yes
picture first, FFmpeg 4.2, small: headers good, no error, decoded: yes
sound first, FFmpeg 9.0: headers good, no error, decoded: yes
sound first, FFmpeg 9.0, small: headers empty and good, no error, decoded: yes
sound first, FFmpeg 9.0, small, filters: headers empty and good, no error, decoded: yes
picture first, FFmpeg 9.0, small: headers good, no error, decoded: yes
mpegts.js plays nothing of: sound first, FFmpeg 4.2, small
mpegts.js plays 7 others
EXPECTED
