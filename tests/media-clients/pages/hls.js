/** hls.js, as docs/clients.md has it, but for its patience: an error stays to be seen. */
import Hls from "hls.js";
import { source, told, video } from "./page.js";

const hls = new Hls();
hls.on(Hls.Events.ERROR, (_, { type, details, fatal, response }) => {
  told.errors.push({ type, details, fatal, status: response?.code });
});
hls.on(Hls.Events.FRAG_PARSING_METADATA, (_, { frag, samples }) => {
  for (const { pts, data } of samples) {
    // An ID3 tag; its text ends it.
    const text = new TextDecoder().decode(data).replace(/\0+$/, "").split("\0").at(-1);
    told.metadata.push({ pts, text, date: frag.programDateTime + 1000 * (pts - frag.start) });
  }
});
hls.on(Hls.Events.LEVEL_LOADED, () => (told.codecs = hls.levels.map(({ videoCodec, audioCodec }) => [videoCodec, audioCodec])));
setInterval(() => (told.latency = hls.latency), 400);
hls.loadSource(source);
hls.attachMedia(video);
