import { ok, type Api } from "../api";
import type { Clock } from "../clock";
import type { components } from "../greenroom";
import { ownedBy, problemOf, type Problem } from "../problem";

export type Channel = components["schemas"]["Channel"];
export type Stream = components["schemas"]["Stream"];

const POLL_MS = 5000;
/** What a channel may be called, as the API's document has it. */
const NAME = /^[A-Za-z0-9_-]{1,128}$/;

/** Why a channel cannot be called so, in a sentence; `null` if it can. */
export function wrongName(name: string): string | null {
  if (name === "") return "Give the channel a name.";
  return NAME.test(name) ? null : "A name has letters without accents, digits, hyphens and underscores, and at most 128 of them.";
}

/** What the home page shows: what is on air, and the channels of whoever is signed in. Says `change` whenever one of its members did. */
export class Home extends EventTarget {
  readonly #open: Api;
  readonly #api: Api;
  readonly #user: () => string | null;
  readonly #clock: Clock;
  /** `null` until it is known. */
  onAir: Stream[] | null = null;
  channels: Channel[] | null = null;
  problem: Problem | null = null;

  constructor(open: Api, api: Api, user: () => string | null, clock: Clock) {
    super();
    this.#open = open;
    this.#api = api;
    this.#user = user;
    this.#clock = clock;
  }

  /** Loads it all, and goes on asking what is on air. */
  async start(): Promise<void> {
    await Promise.all([this.loadChannels(), this.#poll()]);
  }

  async loadChannels(): Promise<void> {
    await this.#try(async () => {
      this.channels = this.#user() !== null ? (await ok(this.#api.GET("/channels", { params: { query: { limit: 100 } } }))).items : null;
    });
  }

  /** Makes a channel; `false` if it came to nothing, which `problem` tells. */
  async make(name: string, isPrivate: boolean): Promise<boolean> {
    return this.#try(async () => {
      const made = ownedBy(
        await ok(this.#api.PUT("/channels/{channel}", { params: { path: { channel: name } }, body: isPrivate ? { private: true } : {} })),
        this.#user(),
      );
      // The list may lag the write by a moment.
      this.channels = [made, ...(this.channels ?? []).filter((channel) => channel.name !== made.name)];
    });
  }

  async #poll(): Promise<void> {
    await this.#try(async () => {
      this.onAir = (await ok(this.#open.GET("/streams", { params: { query: { limit: 50 } } }))).items;
    });
    this.#clock.after(POLL_MS, () => void this.#poll());
  }

  async #try(request: () => Promise<void>): Promise<boolean> {
    try {
      await request();
      this.problem = null;
    } catch (error) {
      this.problem = problemOf(error);
    }
    this.dispatchEvent(new Event("change"));
    return this.problem === null;
  }
}
