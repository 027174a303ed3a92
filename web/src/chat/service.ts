import {
  ApiError,
  ChatApi,
  type ChatSettings,
  type ChatSettingsChanges,
  type ChatToken,
  type ChatTokenRequest,
  type ModeratedUser,
  type Moderation,
} from "../../../clients/typescript/chat/index.js";
import type { TokenSource } from "../api";
import { Problem, unreachable } from "../problem";
import type { PanelService } from "./panel";

/** The chat of a channel by the API, for whoever is signed in; what goes wrong is a {@link Problem}. */
export class ChannelChat implements PanelService {
  readonly #routes: ChatApi;

  constructor(api: string, channel: string, tokens: TokenSource, fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)) {
    // A token that the API does not take is renewed once.
    const renewing: typeof globalThis.fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (response.status !== 401) return response;
      const renewed = await tokens.renew().catch(() => null);
      return renewed === null ? response : fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization: `Bearer ${renewed}` } });
    };
    this.#routes = new ChatApi({ api, subject: { channel }, jwt: async () => (await tokens.token()) ?? "", fetch: renewing });
  }

  token(request: ChatTokenRequest): Promise<ChatToken> {
    return told(this.#routes.token(request));
  }

  deleteMessage(messageId: string): Promise<void> {
    return told(this.#routes.deleteMessage(messageId));
  }

  moderate(userId: string, change: Moderation): Promise<void> {
    return told(this.#routes.moderate(userId, change));
  }

  remove(userId: string): Promise<void> {
    return told(this.#routes.remove(userId));
  }

  moderated(): Promise<ModeratedUser[]> {
    return told(this.#routes.moderated());
  }

  settings(): Promise<ChatSettings> {
    return told(this.#routes.settings());
  }

  changeSettings(changes: ChatSettingsChanges): Promise<ChatSettings> {
    return told(this.#routes.changeSettings(changes));
  }
}

async function told<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (!(error instanceof ApiError)) throw unreachable(error);
    const { type, status, message, requestId, retryAfterMs } = error;
    throw new Problem({ type, status, detail: message, requestId, retryAfterMs });
  }
}
