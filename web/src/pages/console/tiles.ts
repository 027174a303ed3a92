import { ok } from "../../api";
import { systemClock } from "../../clock";
import { RowService } from "../../console/row-service";
import { rowsOf, streamOf } from "../../console/tabs";
import { textOf } from "../../watch/states";
import { Watching } from "../../watch/watching";
import { h } from "../dom";
import type { Context } from "./context";

/** More pictures at once would be all that this computer does. */
const MOST = 4;

/** Pictures of channels on air, without sound. */
export class Tiles {
  readonly element = h("div", { class: "tiles" });
  readonly #context: Context;
  readonly #tiles = new Map<string, { watching: Watching; element: HTMLElement }>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Shows those that are on air, if anybody sees them. */
  async draw(visible: boolean): Promise<void> {
    const live = visible
      ? rowsOf(this.#context.state, "-streams")
          .filter(({ item }) => item.state === "live")
          .map(({ item }) => String(item.channel))
          .slice(0, MOST)
      : [];
    for (const [channel, { watching, element }] of this.#tiles) {
      if (live.includes(channel)) continue;
      watching.stop();
      element.remove();
      this.#tiles.delete(channel);
    }
    const missing = live.filter((channel) => !this.#tiles.has(channel));
    if (missing.length === 0) return;
    // hls.js is fetched when there is something to see.
    const { HlsPlayer } = await import("../../watch/hls-player");
    if (!HlsPlayer.isSupported()) return;
    for (const channel of missing) if (!this.#tiles.has(channel)) this.#add(channel, HlsPlayer);
  }

  #add(channel: string, Player: typeof import("../../watch/hls-player").HlsPlayer): void {
    const video = h("video", { playsinline: true, "aria-label": `Live picture of ${channel}` });
    video.muted = true;
    const badge = h("span", { class: "badge" });
    const link = h("a", { href: `/watch/${encodeURIComponent(channel)}`, target: "_blank", rel: "opener" }, channel);
    const element = h("div", { class: "tile" }, h("div", { class: "picture" }, video, badge), link);
    const service = new RowService(
      channel,
      () => streamOf(this.#context.state, channel),
      () => this.#playbackUrl(channel),
    );
    const watching = new Watching(service, (listener) => new Player(video, listener), systemClock);
    watching.addEventListener("change", () => {
      badge.textContent = watching.state === "live" ? "Live" : textOf(watching.state, { channel }).title;
      badge.classList.toggle("on-air", watching.state === "live");
      element.dataset.state = watching.state;
    });
    this.#tiles.set(channel, { watching, element });
    this.element.append(element);
    watching.start();
  }

  async #playbackUrl(channel: string): Promise<string> {
    const { api } = this.#context.page;
    const params = { path: { channel } };
    const found = await ok(api.GET("/channels/{channel}", { params }));
    if (!found.private) return found.playbackUrl;
    return (await ok(api.POST("/channels/{channel}/playback-tokens", { params, body: {} }))).playbackUrl;
  }
}
