import type { PlayerListener } from "./player";

/** Reports what a video element does, whoever feeds it. */
export function reportVideo(video: HTMLVideoElement, listener: PlayerListener): void {
  video.addEventListener("playing", () => listener({ type: "playing" }));
  video.addEventListener("waiting", () => listener({ type: "stalled" }));
  video.addEventListener("ended", () => listener({ type: "over" }));
}

/** Where the picture is; `null` while it is paused. */
export const positionOf = (video: HTMLVideoElement): number | null => (video.paused ? null : video.currentTime);

/** Plays, and reports it if the browser wants a click first. */
export function startPlaying(video: HTMLVideoElement, listener: PlayerListener): void {
  video.play().catch((error: unknown) => {
    // Anything else is an interruption by the next source.
    if (error instanceof DOMException && error.name === "NotAllowedError") listener({ type: "blocked" });
  });
}
