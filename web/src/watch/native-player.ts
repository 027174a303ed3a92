import type { Player, PlayerListener } from "./player";
import { positionOf, reportVideo, startPlaying } from "./video";

/** HLS by the browser itself, where there are no Media Source Extensions: Safari of a phone. */
export class NativePlayer implements Player {
  readonly #video: HTMLVideoElement;
  readonly #listener: PlayerListener;
  readonly targetLatency = 6;
  readonly targetDurationMs = 6000;
  #url: string | null = null;

  constructor(video: HTMLVideoElement, listener: PlayerListener) {
    this.#video = video;
    this.#listener = listener;
    reportVideo(video, listener);
    for (const event of ["progress", "timeupdate"]) video.addEventListener(event, () => listener({ type: "progress" }));
    video.addEventListener("error", () => {
      if (this.#url === null || video.error === null) return;
      const { code } = video.error;
      if (code === MediaError.MEDIA_ERR_DECODE) listener({ type: "unplayable", detail: "decode" });
      else listener({ type: "failed", status: 0, detail: `media error ${code}` });
    });
  }

  static isSupported(video: HTMLVideoElement): boolean {
    return video.canPlayType("application/vnd.apple.mpegurl") !== "";
  }

  load(url: string): void {
    this.#url = url;
    this.#video.src = url;
    startPlaying(this.#video, this.#listener);
  }

  resume(): void {
    if (this.#url !== null) this.load(this.#url);
  }

  play(): void {
    this.goToLive();
    startPlaying(this.#video, this.#listener);
  }

  unload(): void {
    this.#url = null;
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  goToLive(): void {
    const { seekable } = this.#video;
    if (seekable.length > 0) this.#video.currentTime = Math.max(0, seekable.end(seekable.length - 1) - this.targetLatency);
  }

  get position(): number | null {
    return positionOf(this.#video);
  }

  get latency(): number | null {
    const { seekable, currentTime } = this.#video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) - currentTime : null;
  }
}
