/** video.js, which brings an HLS player of its own. */
import videojs from "video.js";
import { source, told, video } from "./page.js";

const player = videojs(video, { html5: { vhs: { overrideNative: true } } });
player.on("error", () => told.errors.push(player.error().message));
player.src({ src: source, type: "application/x-mpegURL" });
player.play();
