import Hls, { ErrorDetails, ErrorTypes, Events, type ErrorData } from "hls.js";

import type { Player, PlayerListener } from "./player";
import { positionOf, reportVideo, startPlaying } from "./video";

/** Reported details without the addresses that hls.js puts beside them: those of a private channel have its token. */
const UNPLAYABLE = new Set<string>([
  ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR,
  ErrorDetails.BUFFER_ADD_CODEC_ERROR,
  ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR,
]);
const DEFAULT_TARGET_MS = 2000;
const MEDIA_RECOVERIES = 2;

/** Low-latency HLS by hls.js. Quality stays automatic unless somebody picks one: a master may list renditions that do not exist. */
export class HlsPlayer implements Player {
  readonly #video: HTMLVideoElement;
  readonly #listener: PlayerListener;
  #hls: Hls | null = null;
  #mediaRecoveries = 0;
  #targetMs = DEFAULT_TARGET_MS;
  /** What the page's menus are made of changed. */
  onTracks: () => void = () => {};

  constructor(video: HTMLVideoElement, listener: PlayerListener) {
    this.#video = video;
    this.#listener = listener;
    reportVideo(video, listener);
  }

  static isSupported(): boolean {
    return Hls.isSupported();
  }

  load(url: string): void {
    this.unload();
    const hls = new Hls({
      lowLatencyMode: true,
      backBufferLength: 30,
      maxLiveSyncPlaybackRate: 1.05,
      // Left alone, it takes 64 kbit/s for granted, and begins with the worst quality.
      abrEwmaDefaultEstimate: 3_000_000,
    });
    this.#hls = hls;
    this.#mediaRecoveries = 0;
    hls.on(Events.ERROR, (_event, data) => this.#failed(hls, data));
    hls.on(Events.LEVEL_UPDATED, (_event, { details }) => (this.#targetMs = 1000 * details.targetduration));
    for (const event of [Events.FRAG_LOADED, Events.FRAG_BUFFERED] as const) hls.on(event, () => this.#listener({ type: "progress" }));
    hls.on(Events.MANIFEST_PARSED, () => {
      this.onTracks();
      startPlaying(this.#video, this.#listener);
    });
    for (const event of [Events.LEVEL_SWITCHED, Events.SUBTITLE_TRACKS_UPDATED] as const) hls.on(event, () => this.onTracks());
    hls.loadSource(url);
    hls.attachMedia(this.#video);
  }

  resume(): void {
    this.#hls?.startLoad();
    startPlaying(this.#video, this.#listener);
  }

  play(): void {
    this.goToLive();
    startPlaying(this.#video, this.#listener);
  }

  unload(): void {
    this.#hls?.destroy();
    this.#hls = null;
    this.onTracks();
  }

  goToLive(): void {
    const position = this.#hls?.liveSyncPosition;
    if (position != null && position > this.#video.currentTime) this.#video.currentTime = position;
    void this.#video.play().catch(() => {});
  }

  get position(): number | null {
    return positionOf(this.#video);
  }

  get latency(): number | null {
    const latency = this.#hls?.latency;
    return latency === undefined || latency <= 0 ? null : latency;
  }

  get targetLatency(): number {
    return this.#hls?.targetLatency ?? 3;
  }

  get targetDurationMs(): number {
    return this.#targetMs;
  }

  /** The qualities to pick from, the best first; none where there is one only. */
  get qualities(): { level: number; label: string }[] {
    const levels = this.#hls?.levels ?? [];
    if (levels.length < 2) return [];
    return levels
      .map(({ height, bitrate }, level) => ({ level, bitrate, label: height ? `${height}p` : `${Math.round(bitrate / 1000)} kbit/s` }))
      .sort((one, other) => other.bitrate - one.bitrate);
  }

  /** The level picked; -1 is automatic. */
  get quality(): number {
    return this.#hls?.autoLevelEnabled === false ? this.#hls.manualLevel : -1;
  }

  set quality(level: number) {
    if (this.#hls !== null) this.#hls.nextLevel = level;
  }

  #failed(hls: Hls, data: ErrorData): void {
    if (hls !== this.#hls || !data.fatal) return;
    if (UNPLAYABLE.has(data.details)) {
      this.#listener({ type: "unplayable", detail: data.details });
    } else if (data.type === ErrorTypes.MEDIA_ERROR && this.#mediaRecoveries < MEDIA_RECOVERIES) {
      this.#mediaRecoveries += 1;
      hls.recoverMediaError();
    } else {
      this.#listener({ type: "failed", status: data.response?.code ?? 0, detail: data.details });
    }
  }
}
