import type { ChannelState } from "../../../clients/typescript/chat/index.js";
import { ok, type Api } from "../api";
import type { Clock } from "../clock";
import type { components } from "../greenroom";

const EVERY_MS = 5000;
/** Where the number of viewers is pushed, what is asked for is the health. */
const PUSHED_EVERY_MS = 20_000;

/** What the service says of the channel's stream, pushed or asked every few seconds while it is of interest. Says `change`. */
export class Audience extends EventTarget {
  readonly #open: Api;
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #channel: string;
  readonly #isPrivate: boolean;
  #token: string | null = null;
  #turn = 0;
  #running = false;
  #callOff: () => void = () => {};
  /** Whether the number of viewers is pushed at present. */
  isPushed = false;
  /** How many watch; `null` while that is not known. */
  viewers: number | null = null;
  /** The most that watched. */
  most = 0;
  health: components["schemas"]["Stream"]["health"] = null;

  /** `open`: a client of nobody's, since the route takes a playback token or none. `api`: the owner's, which has playback tokens made. */
  constructor(open: Api, api: Api, clock: Clock, channel: string, isPrivate: boolean) {
    super();
    this.#open = open;
    this.#api = api;
    this.#clock = clock;
    this.#channel = channel;
    this.#isPrivate = isPrivate;
  }

  /** Begins to ask, unless it does already; what was counted before is forgotten. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.viewers = null;
    this.most = 0;
    this.health = null;
    void this.#ask(++this.#turn);
  }

  stop(): void {
    this.#running = false;
    this.#turn += 1;
    this.#callOff();
  }

  /** Learns what was pushed of the channel. */
  learnPushed({ viewerCount }: ChannelState): void {
    if (!this.#running || viewerCount === null) return;
    this.#count(viewerCount);
    this.dispatchEvent(new Event("change"));
  }

  #count(viewers: number | null): void {
    this.viewers = viewers;
    this.most = Math.max(this.most, viewers ?? 0);
  }

  async #ask(turn: number): Promise<void> {
    try {
      const path = { channel: this.#channel };
      if (this.#isPrivate) this.#token ??= (await ok(this.#api.POST("/channels/{channel}/playback-tokens", { params: { path } }))).token;
      const headers = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
      const stream = await ok(this.#open.GET("/streams/{channel}", { params: { path }, headers }));
      if (turn !== this.#turn) return;
      this.#count(stream.viewerCount);
      this.health = stream.health;
      this.dispatchEvent(new Event("change"));
    } catch {
      // A figure less for a while. The token may have ended.
      this.#token = null;
    }
    if (turn === this.#turn) this.#callOff = this.#clock.after(this.isPushed ? PUSHED_EVERY_MS : EVERY_MS, () => void this.#ask(turn));
  }
}
