/** What a chat token is asked with. */
export interface ChatTokenRequest {
  /** How long the session may last: 1 to 180, 60 by itself. */
  durationMinutes?: number;
  /** What to be called in the room; of others' names, and of those that look like one, it is refused. */
  displayName?: string;
  /** Only to read. */
  readOnly?: boolean;
}

export type ChatRole = "owner" | "moderator" | "participant" | "viewer";

/** A chat token as the API answers it: opaque, good for one connection, and for about a minute. */
export interface ChatToken {
  token: string;
  endpoint: string;
  sessionExpiresAt: string;
  userId: string;
  capabilities: string[];
  role: ChatRole;
  displayName: string | null;
  /** What to agree with before writing. */
  rules: string | null;
  /** How long to wait between two messages; 0 without slow mode. */
  slowModeSeconds: number;
}

/** What the chat asks of the API. */
export interface ChatService {
  /** Rejects with an error that may have `status`, `type` and `retryAfterMs` of the API's answer. */
  token(request: ChatTokenRequest): Promise<ChatToken>;
}

/** A refusal, as far as the chat goes by it. */
export interface Failure {
  /** The problem's type, such as `removed`. */
  type: string;
  /** The HTTP status; 0 when there was no answer. */
  status: number;
  /** How long not to ask again, where the API said so. */
  retryAfterMs: number | null;
  error: unknown;
}

/** What is known of an error: its own fields are looked at, whatever class it is of. */
export function failureOf(error: unknown): Failure {
  const { type, status, retryAfterMs } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  return {
    type: typeof type === "string" ? type : "unreachable",
    status: typeof status === "number" ? status : 0,
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : null,
    error,
  };
}

/** Whether to ask again may help, without anything being changed. */
export function passes({ status, retryAfterMs }: Failure): boolean {
  return retryAfterMs !== null || status === 0 || status === 429 || status >= 500;
}
