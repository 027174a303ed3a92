/** What the players' pages have in common: the video element, and how it fares, told to the test twice a second. */
const query = new URLSearchParams(location.search);

/** What is to be played. */
export const source = query.get("source");

/** The page's only video. Muted, so that a browser plays it without a click. */
export const video = document.querySelector("video");

/** What a player adds to the report. */
export const told = { errors: [], metadata: [] };

/** Reads the clock that encode.py paints into the picture, and gives how many milliseconds ago that was. */
const BARS = 16;
const canvas = document.createElement("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });
const ages = [];

function readClock() {
  const { videoWidth: width } = video;
  canvas.width = width;
  canvas.height = 1;
  context.drawImage(video, 0, 40, width, 1, 0, 0, width, 1);
  let then = 0;
  for (let bar = 0; bar < BARS; bar++) {
    const [red] = context.getImageData(((bar + 0.5) * width) / BARS, 0, 1, 1).data;
    if (red > 128) then |= 1 << bar;
  }
  ages.push((Date.now() - then) & (2 ** BARS - 1));
  video.requestVideoFrameCallback(readClock);
}
if (query.has("clock")) video.requestVideoFrameCallback(readClock);

function report() {
  const quality = video.getVideoPlaybackQuality();
  const state = {
    time: video.currentTime,
    width: video.videoWidth,
    height: video.videoHeight,
    frames: quality.totalVideoFrames,
    dropped: quality.droppedVideoFrames,
    // Chromium counts, Firefox only says that there is some.
    audioBytes: video.webkitAudioDecodedByteCount,
    hasAudio: video.mozHasAudio ?? video.webkitAudioDecodedByteCount > 0,
    ended: video.ended,
    failure: video.error?.message,
    ages: ages.splice(0),
    ...told,
  };
  navigator.sendBeacon(`/report/${query.get("id")}`, JSON.stringify(state));
}
setInterval(report, 500);
