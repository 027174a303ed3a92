/** Statuses of which another try may make an end. */
export const PASSING = [429, 502, 503, 504];

/** What went wrong with a request: in a sentence for people, and in words to look up. */
export class Problem extends Error {
  override name = "Problem";
  /** The stable word for it: a `type` of the API's document, or one of those of {@link Problem.of} and {@link unreachable}. */
  readonly type: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The API's own text. */
  readonly detail: string;
  /** What to name in a complaint. */
  readonly requestId: string | null;
  /** How long to wait before it may be asked again, where the API said so. */
  readonly retryAfterMs: number | null;

  constructor(fields: Pick<Problem, "type" | "status" | "detail" | "requestId" | "retryAfterMs">) {
    super(sentenceOf(fields.type, fields.detail));
    this.type = fields.type;
    this.status = fields.status;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.retryAfterMs = fields.retryAfterMs;
  }

  /** The problem that an answer tells: of a function (`application/problem+json`), or of API Gateway. */
  static of(response: Response, body: unknown): Problem {
    const { type, detail, message, instance } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    return new Problem({
      type: typeof type === "string" ? type : byStatus(response.status),
      status: response.status,
      detail: [detail, message].find((text) => typeof text === "string") ?? `status ${response.status}`,
      requestId: response.headers.get("apigw-requestid") ?? (typeof instance === "string" ? instance : null),
      retryAfterMs: retryAfterMs(response),
    });
  }

  /** Whether to ask again may help, without anything being changed. */
  get passes(): boolean {
    return this.type === "unreachable" || PASSING.includes(this.status);
  }

  /** What the fold under the sentence has. */
  get report(): string {
    return [`${this.type} (${this.status})`, this.detail, this.requestId && `request ${this.requestId}`].filter(Boolean).join("\n");
  }
}

/** The problem that there was no answer. */
export function unreachable(error: unknown): Problem {
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem({ type: "unreachable", status: 0, detail, requestId: null, retryAfterMs: null });
}

/** Any error as a problem to show. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Problem({ type: "page", status: 0, detail, requestId: null, retryAfterMs: null });
}

/** What a PUT has answered, if it is this user's: of a name that somebody else has, it answers what they made of it. */
export function ownedBy<T extends { owner: string }>(made: T, user: string | null): T {
  if (made.owner === user) return made;
  throw new Problem({ type: "not-owner", status: 200, detail: `it belongs to ${made.owner}`, requestId: null, retryAfterMs: null });
}

/** The wait of a Retry-After header in seconds; none of one with a date, which the API does not send. */
export function retryAfterMs(response: Response): number | null {
  const seconds = response.headers.get("retry-after");
  return seconds !== null && /^\d+$/.test(seconds) ? 1000 * Number(seconds) : null;
}

function byStatus(status: number): string {
  switch (status) {
    case 401:
      return "unauthenticated";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 429:
      return "too-many-requests";
    case 503:
      return "unavailable";
    default:
      return status >= 500 ? "internal" : "refused";
  }
}

/** What people read. Pages have their own texts for problems that are states of theirs. */
const SENTENCES: Record<string, string> = {
  unauthenticated: "Your sign-in has ended. Sign in again.",
  forbidden: "You may not do this. Sign in as somebody who may.",
  "not-owner": "This belongs to somebody else. Sign in as its owner, or take another name.",
  "not-found": "There is nothing of that name. Look for a typing error in the address.",
  "on-air": "It is on air already. End that broadcast first, or take over.",
  "no-server": "No server has room for another broadcast right now. Try again in a moment.",
  busy: "Somebody is changing this at the moment. Try again in a few seconds.",
  unavailable: "The service is busy. Try again in a few seconds.",
  "too-many-requests": "The service gets too many requests at once. Try again in a few seconds.",
  "limit-reached": "A limit of this installation is reached. Ask whoever runs it.",
  internal: "The service failed. Try again; if that does not help, send the details below to whoever runs it.",
  unreachable: "The service does not answer. Look whether you are online, then try again.",
  page: "Something went wrong in this page. Load it again; if that does not help, send the details below to whoever runs it.",
};

function sentenceOf(type: string, detail: string): string {
  return SENTENCES[type] ?? (detail ? `${detail.charAt(0).toUpperCase()}${detail.slice(1).replace(/\.?$/, ".")}` : "It did not work. Try again.");
}
