import { ok, type Api } from "../api";
import type { components } from "../greenroom";
import { Problem, problemOf } from "../problem";

export type Stream = components["schemas"]["Stream"];

/** What the service says of a channel. */
export type Answer =
  | { kind: "stream"; stream: Stream }
  /** There is no such channel for somebody who is not signed in. */
  | { kind: "private" }
  | { kind: "not-found" }
  | { kind: "problem"; problem: Problem };

/** A playback token that ends this soon is not begun with. */
const RENEW_BEFORE_MS = 30_000;

/** Asks the service for one channel; of a private one with a playback token, which it has made for whoever is signed in. */
export class StreamService {
  readonly #open: Api;
  readonly #api: Api;
  readonly #signedIn: () => boolean;
  readonly #now: () => number;
  readonly channel: string;
  #token: { value: string; expiresAt: number; playbackUrl: string } | null = null;

  /** `open`: a client of nobody's, since the user's own token opens no channel. `api`: the user's, which has playback tokens made. */
  constructor(open: Api, api: Api, channel: string, signedIn: () => boolean, now: () => number) {
    this.#open = open;
    this.#api = api;
    this.channel = channel;
    this.#signedIn = signedIn;
    this.#now = now;
  }

  /** Whether the channel is a private one, as far as that is known. */
  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** Forgets the token: the player was not let in with it. */
  forgetToken(): void {
    this.#token = null;
  }

  async ask(): Promise<Answer> {
    try {
      if (this.#token !== null && this.#token.expiresAt - this.#now() < RENEW_BEFORE_MS) this.#token = null;
      const known = await this.#stream();
      if (known !== null) return { kind: "stream", stream: known };
      this.#token = null;
      if (!this.#signedIn()) return { kind: "private" };
      // It is private, or is not there at all: whoever gets a token knows.
      const { token, expiresAt, playbackUrl } = await ok(
        this.#api.POST("/channels/{channel}/playback-tokens", { params: { path: { channel: this.channel } }, body: {} }),
      );
      this.#token = { value: token, expiresAt: Date.parse(expiresAt), playbackUrl };
      const shown = await this.#stream();
      return shown === null ? { kind: "not-found" } : { kind: "stream", stream: shown };
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 404 || problem.status === 400) return { kind: "not-found" };
      // The sign-in has ended.
      if (problem.status === 401) return { kind: "private" };
      return { kind: "problem", problem };
    }
  }

  /** The stream as the playback token at hand shows it, or `null` if there is no such channel with it. */
  async #stream(): Promise<Stream | null> {
    const token = this.#token;
    try {
      const stream = await ok(
        this.#open.GET("/streams/{channel}", {
          params: { path: { channel: this.channel } },
          ...(token === null ? {} : { headers: { authorization: `Bearer ${token.value}` } }),
        }),
      );
      return token === null ? stream : { ...stream, playbackUrl: token.playbackUrl };
    } catch (error) {
      if (error instanceof Problem && (error.status === 404 || error.status === 401)) return null;
      throw error;
    }
  }
}
