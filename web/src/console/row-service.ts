import type { Service } from "../watch/watching";
import type { Stream } from "../watch/service";

/** What a tile is told of its channel. */
export interface Told {
  live: boolean;
  session: string | null;
}

/** Says of a channel what its rows say, so that a tile asks the API for nothing but the token of a private channel. */
export class RowService implements Service {
  readonly channel: string;
  /** Nothing is pushed to a tile that would ask for it. */
  readonly hasToken = false;
  readonly #told: () => Told;
  readonly #playbackUrl: () => Promise<string>;
  #url: string | null = null;

  /** `playbackUrl`: the channel's; of a private one with a token, made anew each time. */
  constructor(channel: string, told: () => Told, playbackUrl: () => Promise<string>) {
    this.channel = channel;
    this.#told = told;
    this.#playbackUrl = playbackUrl;
  }

  forgetToken(): void {
    this.#url = null;
  }

  async ask(): Promise<{ kind: "stream"; stream: Stream } | { kind: "private" }> {
    const { live, session } = this.#told();
    try {
      if (live) this.#url ??= await this.#playbackUrl();
    } catch {
      return { kind: "private" };
    }
    const stream = {
      channel: this.channel,
      state: live ? ("live" as const) : ("offline" as const),
      startedAt: null,
      viewerCount: null,
      health: null,
      playbackUrl: this.#url ?? "",
      session,
    };
    return { kind: "stream", stream };
  }
}
