/** What plays a playlist in a video element: hls.js, or the browser itself. It reports to a {@link PlayerListener}. */
export interface Player {
  /** Opens a playlist from its beginning, whatever was open, and plays it as soon as it can. */
  load(url: string): void;
  /** Goes on asking for the playlist that is open, after a failure. */
  resume(): void;
  /** Plays after the browser refused to; called from a click. */
  play(): void;
  /** Drops the playlist. */
  unload(): void;
  /** Jumps to what is newest. */
  goToLive(): void;
  /** Seconds behind what is sent; `null` where that is not known. */
  readonly latency: number | null;
  /** Seconds behind that it aims for. */
  readonly targetLatency: number;
  /** The playlist's target duration in milliseconds. */
  readonly targetDurationMs: number;
  /** Where in the media the picture is, in seconds; `null` while it is paused. */
  readonly position: number | null;
}

export type PlayerEvent =
  /** The picture moves. */
  | { type: "playing" }
  /** It stands still, for want of data. */
  | { type: "stalled" }
  /** A segment, or a part of one, came. */
  | { type: "progress" }
  /** The browser plays nothing without a click. */
  | { type: "blocked" }
  /** The end of a playlist that says that it is over was played. */
  | { type: "over" }
  /** It has given up. `status`: of the HTTP answer, 0 without one. */
  | { type: "failed"; status: number; detail: string }
  /** Nothing helps in this browser. */
  | { type: "unplayable"; detail: string };

export type PlayerListener = (event: PlayerEvent) => void;
