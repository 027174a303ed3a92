/** Why a message was not sent. */
export type ChatErrorCode =
  | "empty"
  | "too-long"
  | "not-connected"
  | "read-only"
  /** The message's reviewer says no; `message` is its reason. */
  | "refused"
  /** More messages than the room takes. */
  | "too-fast"
  /** No answer came in time: it may have been sent. */
  | "timeout"
  /** The connection ended before the answer: it may have been sent. */
  | "connection-lost"
  /** What IVS says otherwise. */
  | "failed";

/** A message that was not sent, or of which that is not known. */
export class ChatError extends Error {
  override name = "ChatError";
  readonly code: ChatErrorCode;
  /** IVS's own number, if it has answered. */
  readonly status: number | null;

  constructor(code: ChatErrorCode, message: string, status: number | null = null) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const CODES: Record<number, ChatErrorCode> = { 401: "not-connected", 403: "read-only", 406: "refused", 413: "too-long", 429: "too-fast" };

/** What Amazon's client rejects with, which is no Error but IVS's answer, or what it throws. */
export function refusalOf(error: unknown): ChatError {
  const { errorCode, errorMessage, message } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  const text = [errorMessage, message].find((one) => typeof one === "string") ?? String(error);
  if (typeof errorCode !== "number") return new ChatError("failed", text);
  return new ChatError(CODES[errorCode] ?? "failed", text, errorCode);
}
