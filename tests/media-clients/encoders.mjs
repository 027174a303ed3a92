/** Encoders that send to a channel. */
import { join } from "node:path";

import { Program } from "./processes.mjs";

const PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"];
const TONE = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
// A key frame a second, as a player with low latency wants it.
const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "30", "-b:v", "600k"];
const AAC = ["-c:a", "aac", "-b:a", "96k"];

/** Debian's ffmpeg, which sends a test picture and a tone, and trusts the local cloud's certificate and no other. */
export class Ffmpeg extends Program {
  /** Sends to `target`, an ingest URL with its key; without `seconds`, until it is ended. */
  constructor(test, target, { seconds, picture = true, tone = true } = {}) {
    const input = [...(picture ? ["-re", ...PICTURE] : []), ...(tone ? ["-re", ...TONE] : [])];
    const codecs = [...(picture ? H264 : []), ...(tone ? AAC : [])];
    const length = seconds ? ["-t", `${seconds}`] : [];
    const told = ["-hide_banner", "-loglevel", "warning", "-nostats", "-progress", "pipe:1", "-stats_period", "0.05"];
    const trusted = process.env.CA ? ["-tls_verify", "1", "-ca_file", process.env.CA] : [];
    super(test, "ffmpeg", [...told, ...input, ...codecs, ...length, "-f", "flv", ...trusted, target]);
  }

  hear(text) {
    super.hear(text);
    // The first report after something has been sent.
    if (!this.firstFrame && /total_size=[1-9]/.test(this.text)) this.firstFrame = Date.now();
  }
}

/** FFmpeg 8, which is inside PyPI's `av`; its codec is `h264` or `hevc`. */
export class Ffmpeg8 extends Program {
  constructor(test, target, codec, seconds = 60) {
    const script = join(import.meta.dirname, "encode.py");
    super(test, process.env.MEDIA_PYTHON, [script, codec, `${seconds}`], { env: { TARGET: target } });
  }
}
