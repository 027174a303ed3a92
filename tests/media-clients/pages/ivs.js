/** Amazon's player, as docs/clients.md has it, but for its patience: an error stays to be seen. */
import { create, PlayerEventType } from "amazon-ivs-player";
import { source, told, video } from "./page.js";

const player = create({
  wasmWorker: new URL("/amazon-ivs-wasmworker.min.js", location.origin).href,
  wasmBinary: new URL("/amazon-ivs-wasmworker.min.wasm", location.origin).href,
});
player.attachHTMLVideoElement(video);
player.setMuted(true);
player.addEventListener(PlayerEventType.ERROR, ({ type, code, source, message }) => told.errors.push({ type, code, source, message }));
player.addEventListener(PlayerEventType.TEXT_METADATA_CUE, ({ text, startTime }) => told.metadata.push({ text, pts: startTime }));
setInterval(() => (told.state = player.getState()), 400);
player.load(source);
player.play();
