import type { ChatService, ChatToken, ChatTokenRequest } from "./service.js";

/** A refusal of the API. */
export class ApiError extends Error {
  override name = "ApiError";
  /** The HTTP status. */
  readonly status: number;
  /** The problem's type, such as `removed`. */
  readonly type: string;
  /** How long not to ask again, where the API said so. */
  readonly retryAfterMs: number | null;
  /** What to name in a complaint. */
  readonly requestId: string | null;

  constructor(response: Response, { type, detail, message }: { type?: string; detail?: string; message?: string }) {
    super(detail ?? message ?? `status ${response.status}`);
    this.status = response.status;
    this.type = type ?? "refused";
    const seconds = response.headers.get("retry-after");
    this.retryAfterMs = seconds !== null && /^\d+$/.test(seconds) ? 1000 * Number(seconds) : null;
    this.requestId = response.headers.get("apigw-requestid");
  }
}

/** What moderators say of a user. */
export interface Moderation {
  moderator?: boolean;
  muted?: boolean;
  removed?: boolean;
}

/** Somebody who was moderated, or moderates. */
export interface ModeratedUser extends Required<Moderation> {
  userId: string;
  displayName: string | null;
}

/** What holds in a chat, as its owner has it. */
export interface ChatSettings {
  /** What to agree with before writing; `null` or, to change it, an empty text: nothing. */
  rules: string | null;
  slowModeSeconds: number;
  /** Words that no message may have; `null` for those who do not moderate. */
  words: string[] | null;
}

/** What changes; what is left out stays. */
export interface ChatSettingsChanges {
  rules?: string;
  slowModeSeconds?: number;
  words?: string[];
}

/** What somebody did in a chat. */
export interface ChatLogEntry {
  at: string;
  actor: string;
  action: "muted" | "unmuted" | "removed" | "readmitted" | "moderatorMade" | "moderatorEnded" | "messageDeleted";
  userId: string | null;
  messageId: string | null;
}

export interface ChatApiOptions {
  /** Where the API is, without a slash at the end. */
  api: string;
  /** Whose chat. */
  subject: { stage: string } | { channel: string };
  /** The caller's JWT, fresh enough. */
  jwt: () => Promise<string>;
  fetch?: typeof globalThis.fetch;
}

/** The chat's routes of the API. Moderation goes through it, and not through IVS, so that it lasts, and is in the owner's log. */
export class ChatApi implements ChatService {
  readonly #options: ChatApiOptions;

  constructor(options: ChatApiOptions) {
    this.#options = options;
  }

  async token(request: ChatTokenRequest): Promise<ChatToken> {
    return (await this.#send("POST", "/chat-tokens", request)) as ChatToken;
  }

  async deleteMessage(messageId: string): Promise<void> {
    await this.#send("DELETE", `/chat/messages/${encodeURIComponent(messageId)}`);
  }

  /** Mutes, lets back in, or makes a moderator. */
  async moderate(userId: string, change: Moderation): Promise<void> {
    await this.#send("PATCH", `/chat/users/${encodeURIComponent(userRef(userId))}`, change);
  }

  /** Bars and disconnects. */
  async remove(userId: string): Promise<void> {
    await this.#send("DELETE", `/chat/users/${encodeURIComponent(userRef(userId))}`);
  }

  /** All whom moderation has changed something for. */
  async moderated(): Promise<ModeratedUser[]> {
    return this.#all("/chat/users");
  }

  async settings(): Promise<ChatSettings> {
    return (await this.#send("GET", "/chat")) as ChatSettings;
  }

  /** Changes them; of the owner. */
  async changeSettings(changes: ChatSettingsChanges): Promise<ChatSettings> {
    return (await this.#send("PATCH", "/chat", changes)) as ChatSettings;
  }

  /** What was done in the last 90 days, the latest first; for the owner. */
  async log(): Promise<ChatLogEntry[]> {
    return this.#all("/chat/log");
  }

  async #all<T>(path: string): Promise<T[]> {
    const all: T[] = [];
    let cursor: string | undefined;
    do {
      const query: string = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      const page = (await this.#send("GET", path + query)) as { items: T[]; cursor?: string | null };
      all.push(...page.items);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    return all;
  }

  async #send(method: string, path: string, body?: object): Promise<unknown> {
    const { api, subject, jwt, fetch = globalThis.fetch } = this.#options;
    const of = "stage" in subject ? `/stages/${subject.stage}` : `/channels/${subject.channel}`;
    const response = await fetch(api + of + path, {
      method,
      headers: { authorization: `Bearer ${await jwt()}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return text === "" ? null : JSON.parse(text);
    let problem = {};
    try {
      problem = JSON.parse(text) as object;
    } catch {
      // Something between here and the API has answered.
    }
    throw new ApiError(response, problem);
  }
}

/** A user's id as it stands in a path: of other characters than these, as base64url, for API Gateway undoes escapes before it looks at the path. */
export function userRef(userId: string): string {
  if (/^[A-Za-z0-9\-._@:|+]+$/.test(userId)) return userId;
  const bytes = String.fromCharCode(...new TextEncoder().encode(userId));
  return `~${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}
