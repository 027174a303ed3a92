import type { Clock } from "../clock";

/** The browser's recorder, as a constructor: `MediaRecorder`, or a test's. */
export type MediaRecorderClass = Pick<typeof MediaRecorder, "isTypeSupported"> & {
  new (stream: MediaStream, options: RecorderOptions): MediaRecorder;
};

/** Chromium has a member that TypeScript's list does not know. */
export interface RecorderOptions extends MediaRecorderOptions {
  videoKeyFrameIntervalDuration?: number;
}

/** What a recording says. Nothing after {@link Recording.stop}. */
export interface RecordingListener {
  /** It has begun; chunks of that type follow. */
  onStarted(mimeType: string): void;
  onChunk(chunk: Blob): void;
  /** It is of no use any more: silent while it should record, ended by itself, or not even begun. */
  onBroken(why: "silent" | "stopped" | "failed", detail: string): void;
}

/** How often the recorder hands out what it has. Chromium gives 20 frames a second in pieces of 100 ms, Firefox of 267 ms. */
const CHUNK_MS = 100;
/** The server's players cut at key frames, so there is one each second. Firefox has its own mind about it. */
const KEY_FRAMES_MS = 1000;
/** A recorder that gave nothing for this long is broken, whatever its `state` says. */
export const SILENT_AFTER_MS = 3000;
const AUDIO_BITS_PER_SECOND = 128_000;

const VIDEO_TYPES = ["video/x-matroska;codecs=avc1", "video/webm;codecs=h264", "video/webm;codecs=vp8"];

/**
 * The type to record a stream as: H.264 if the browser has it, since the server then copies the picture; else VP8. `null` when the browser records
 * nothing that a server takes.
 */
export function mimeTypeFor(stream: MediaStream, isTypeSupported: (type: string) => boolean): string | null {
  const audio = stream.getAudioTracks().length > 0;
  const types =
    stream.getVideoTracks().length > 0
      ? [...VIDEO_TYPES.map((type) => (audio ? `${type},opus` : type)), "video/webm"]
      : ["audio/webm;codecs=opus", "audio/webm"];
  return types.find(isTypeSupported) ?? null;
}

/** One run of a `MediaRecorder`, watched: what it gives has one header, at the beginning. */
export class Recording {
  readonly #clock: Clock;
  readonly #recorder: MediaRecorder | null = null;
  #listener: RecordingListener | null;
  #lastChunkAt: number;
  #callOff: () => void = () => {};

  constructor(Recorder: MediaRecorderClass, stream: MediaStream, videoBitsPerSecond: number, clock: Clock, listener: RecordingListener) {
    this.#clock = clock;
    this.#listener = listener;
    this.#lastChunkAt = clock.now();
    try {
      const mimeType = mimeTypeFor(stream, (type) => Recorder.isTypeSupported(type));
      if (mimeType === null) throw new Error("the browser records no type that the server takes");
      const recorder = new Recorder(stream, {
        mimeType,
        videoBitsPerSecond,
        audioBitsPerSecond: AUDIO_BITS_PER_SECOND,
        videoKeyFrameIntervalDuration: KEY_FRAMES_MS,
      });
      this.#recorder = recorder;
      // Only now is the type known in full, in Firefox.
      recorder.addEventListener("start", () => this.#listener?.onStarted(recorder.mimeType || mimeType));
      recorder.addEventListener("dataavailable", (event) => this.#onData((event as BlobEvent).data));
      recorder.addEventListener("stop", () => this.#broken("stopped", "the recorder stopped by itself"));
      recorder.addEventListener("error", (event) => this.#broken("failed", describe((event as ErrorEvent).error)));
      recorder.start(CHUNK_MS);
      this.#watch();
    } catch (error) {
      // Later, as every other report: whoever makes a recording has it in hand by then.
      this.#callOff = clock.after(0, () => this.#broken("failed", describe(error)));
    }
  }

  /** Looks whether the recorder still gives something. Timers of a hidden tab come late, so others call this, too. */
  check(): void {
    const age = this.#clock.now() - this.#lastChunkAt;
    if (this.#recorder !== null && age >= SILENT_AFTER_MS) this.#broken("silent", `nothing recorded for ${Math.round(age / 1000)} s`);
  }

  /** Ends it. What the recorder has not handed out by now is dropped. */
  stop(): void {
    this.#listener = null;
    this.#callOff();
    if (this.#recorder !== null && this.#recorder.state !== "inactive") this.#recorder.stop();
  }

  #watch(): void {
    this.#callOff = this.#clock.after(1000, () => {
      this.#watch();
      this.check();
    });
  }

  #onData(chunk: Blob): void {
    if (chunk.size === 0) return;
    this.#lastChunkAt = this.#clock.now();
    this.#listener?.onChunk(chunk);
  }

  #broken(why: "silent" | "stopped" | "failed", detail: string): void {
    const listener = this.#listener;
    this.stop();
    listener?.onBroken(why, detail);
  }
}

function describe(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? `${error.name}: ${error.message}` : String(error);
}
