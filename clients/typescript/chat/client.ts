import type { Clock } from "./clock.js";
import { ChatError, refusalOf } from "./errors.js";
import type { ChatEvent, ChatMessage, Room, RoomOptions, RoomToken } from "./room.js";
import { failureOf, passes, type ChatService, type ChatToken, type ChatTokenRequest, type Failure } from "./service.js";

/** What the chat client is in. */
export type ChatState =
  /** Not begun, or stopped. */
  | { name: "off" }
  | { name: "connecting" }
  | { name: "connected" }
  /** It comes back by itself. `retryAt`: when; `null` while an attempt is under way. `failure`: of the API, if it was that. */
  | { name: "reconnecting"; attempt: number; retryAt: number | null; failure: Failure | null }
  /** A moderator has removed this user. Only `start` begins anew. */
  | { name: "removed" }
  /** The API says no, and would again. Only `start` begins anew. */
  | { name: "refused"; failure: Failure };

/** What the latest token says of its user, without the token. */
export type ChatSession = Omit<ChatToken, "token" | "endpoint">;

/** What the client tells. A state that says `connected` may have another session than before. */
export interface ChatListener {
  onChange(): void;
  onMessage(message: ChatMessage): void;
  /** A moderator has deleted a message, which may not have come yet: not to be shown any more. */
  onDelete(messageId: string): void;
  /** The service has pushed an event. */
  onEvent(event: ChatEvent): void;
}

export interface ChatEnvironment {
  /** Makes a room: `ivsRoom`, at once or when its package is loaded. */
  makeRoom: (options: RoomOptions) => Room | Promise<Room>;
  clock: Clock;
  /** A number in [0, 1): clients that lost the same server do not come back together. */
  random: () => number;
}

/** What IVS takes in one message. */
export const LONGEST_MESSAGE = 500;

/** IVS answers within a second, or not at all. */
const SEND_WITHIN_MS = 10_000;
const CONNECT_WITHIN_MS = 15_000;
/** A connection that has lasted so long was a good one. */
const SETTLED_AFTER_MS = 30_000;
const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000, 30_000];
/** A session that ends sooner than this by the clock here, which may be wrong, is not renewed by a timer. */
const SHORTEST_SESSION_MS = 90_000;
const OWN_PROVIDER = "this token is not asked for here";

/** How long to wait before the given attempt (the first is 1): longer and longer, half as much more or less by `random` in [0, 1). */
export function pauseBefore(attempt: number, random: number): number {
  return Math.round((PAUSES_MS[Math.min(attempt, PAUSES_MS.length) - 1] ?? 0) * (0.5 + random));
}

/** How long a text is, as IVS counts it. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/**
 * The chat of a stage or a channel: what Amazon's client does, and what it does not. It comes back, with growing pauses, after the server has
 * disconnected it, unless this user was removed; it asks for one token at a time, and not before the API wants to be asked; and a message that is
 * sent settles.
 */
export class ChatClient {
  readonly #service: ChatService;
  readonly #environment: ChatEnvironment;
  readonly #listener: ChatListener;
  #state: ChatState = { name: "off" };
  #session: ChatSession | null = null;
  #request: ChatTokenRequest = {};
  #room: Room | null = null;
  /** Goes up with each turn of events: answers and timers of before are stale. */
  #turn = 0;
  #attempt = 0;
  #notBefore = 0;
  #connectedAt = Infinity;
  #removed = false;
  /** Why the session could not be renewed. */
  #renewal: Failure | null = null;
  /** The request for a token that is under way: the next one waits for it. */
  #asking: Promise<unknown> = Promise.resolve();
  #pending = new Set<(error: ChatError) => void>();
  #callOff: () => void = () => {};

  constructor(service: ChatService, environment: ChatEnvironment, listener: ChatListener) {
    this.#service = service;
    this.#environment = environment;
    this.#listener = listener;
  }

  get state(): ChatState {
    return this.#state;
  }

  /** What the latest token said; `null` before the first. */
  get session(): ChatSession | null {
    return this.#session;
  }

  /** Whether messages can be sent now. */
  get maySend(): boolean {
    return this.#state.name === "connected" && this.#session !== null && this.#session.capabilities.includes("SEND_MESSAGE");
  }

  /** Begins, or begins anew, such as under another name. */
  start(request: ChatTokenRequest = {}): void {
    this.#leave();
    this.#request = request;
    this.#attempt = 0;
    this.#removed = false;
    void this.#connect(this.#begin());
  }

  stop(): void {
    this.#leave();
    this.#begin();
    this.#to({ name: "off" });
  }

  /** Makes the next attempt at once, such as when the network is back; not before the API wants to be asked. */
  retryNow(): void {
    if (this.#state.name === "reconnecting" && this.#state.retryAt !== null) void this.#connect(this.#begin());
  }

  /**
   * Sends a message, and resolves once IVS has passed it on. Rejects with a {@link ChatError} within ten seconds: after `timeout` and
   * `connection-lost`, nobody knows whether it was sent.
   */
  async send(content: string): Promise<void> {
    const room = this.#room;
    if (content.trim() === "") throw new ChatError("empty", "a message has to say something");
    if (codePoints(content) > LONGEST_MESSAGE) throw new ChatError("too-long", `a message has at most ${LONGEST_MESSAGE} characters`);
    if (this.#state.name !== "connected" || room === null) throw new ChatError("not-connected", "the chat is not connected");
    if (!this.maySend) throw new ChatError("read-only", "this user may only read");
    let callOff = () => {};
    let pending: ((error: ChatError) => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        pending = reject;
        this.#pending.add(reject);
        callOff = this.#environment.clock.after(SEND_WITHIN_MS, () => reject(new ChatError("timeout", "there was no answer")));
        room.send(content).then(() => resolve(), (error: unknown) => reject(refusalOf(error)));
      });
    } catch (error) {
      throw error instanceof ChatError ? error : refusalOf(error);
    } finally {
      callOff();
      if (pending !== undefined) this.#pending.delete(pending);
    }
  }

  async #connect(turn: number): Promise<void> {
    const wait = this.#notBefore - this.#environment.clock.now();
    if (wait > 0) {
      this.#wait(wait, this.#state.name === "reconnecting" ? this.#state.failure : null);
      return;
    }
    if (this.#attempt === 0) this.#to({ name: "connecting" });
    else this.#to({ name: "reconnecting", attempt: this.#attempt, retryAt: null, failure: null });
    const isStale = () => turn !== this.#turn;
    let token: ChatToken | null;
    try {
      token = await this.#ask(isStale);
    } catch (error) {
      if (!isStale()) this.#failed(failureOf(error));
      return;
    }
    if (token === null) return;
    let next: RoomToken | null = this.#roomToken(token);
    const provider = async (): Promise<RoomToken> => {
      const own = next;
      next = null;
      if (own !== null) return own;
      // It wants to renew the session, or to come back at once after a break: the latter is done here, and with a pause.
      if (isStale() || this.#room?.connected !== true) throw new Error(OWN_PROVIDER);
      return this.#renew(isStale);
    };
    try {
      const room = await this.#environment.makeRoom({ endpoint: token.endpoint, tokenProvider: provider, listener: this.#roomListener(isStale) });
      if (isStale()) return;
      this.#room = room;
    } catch (error) {
      if (!isStale()) this.#lose(failureOf(error));
      return;
    }
    this.#after(CONNECT_WITHIN_MS, turn, () => this.#lose(null));
    this.#room.connect();
  }

  /** One request at a time; `null` when nobody waits for its answer any more. */
  async #ask(isStale: () => boolean): Promise<ChatToken | null> {
    const before = this.#asking;
    const asked = (async () => {
      await before.catch(() => {});
      if (isStale()) return null;
      try {
        return await this.#service.token(this.#request);
      } catch (error) {
        const { retryAfterMs } = failureOf(error);
        if (retryAfterMs !== null) this.#notBefore = Math.max(this.#notBefore, this.#environment.clock.now() + retryAfterMs);
        throw error;
      }
    })();
    this.#asking = asked;
    const token = await asked;
    if (token === null || isStale()) return null;
    const { token: _token, endpoint: _endpoint, ...session } = token;
    this.#session = session;
    return token;
  }

  async #renew(isStale: () => boolean): Promise<RoomToken> {
    try {
      const token = await this.#ask(isStale);
      if (token === null) throw new Error(OWN_PROVIDER);
      this.#changed();
      return this.#roomToken(token);
    } catch (error) {
      // The room is about to say that it is disconnected.
      if (!isStale()) this.#renewal = failureOf(error);
      throw error;
    }
  }

  /**
   * The token for Amazon's client. By the time that is given, it renews without being told: once, a minute before the session ends, and not each
   * half minute, as the token's own end would have it. A time in the past would have it ask for hundreds of tokens a second.
   */
  #roomToken({ token, sessionExpiresAt }: ChatToken): RoomToken {
    const left = Date.parse(sessionExpiresAt) - this.#environment.clock.now();
    return left >= SHORTEST_SESSION_MS ? { token, tokenExpirationTime: sessionExpiresAt } : { token };
  }

  #roomListener(isStale: () => boolean): RoomOptions["listener"] {
    const unlessStale =
      <A extends unknown[]>(heard: (...args: A) => void) =>
      (...args: A) => {
        if (!isStale()) heard(...args);
      };
    return {
      onConnect: unlessStale(() => {
        this.#callOff();
        this.#connectedAt = this.#environment.clock.now();
        this.#to({ name: "connected" });
      }),
      onDisconnect: unlessStale(() => this.#disconnected()),
      onMessage: unlessStale((message: ChatMessage) => this.#listener.onMessage(message)),
      onDelete: unlessStale((id: string) => this.#listener.onDelete(id)),
      onUserDisconnect: unlessStale((userId: string, reason: string | undefined) => {
        // Any other reason, such as `muted`, asks for another token: it says what is allowed now.
        if (userId === this.#session?.userId && reason === "removed") this.#removed = true;
      }),
      onEvent: unlessStale((event: ChatEvent) => this.#listener.onEvent(event)),
    };
  }

  #disconnected(): void {
    const renewal = this.#renewal;
    this.#renewal = null;
    if (this.#removed) this.#close({ name: "removed" });
    else if (renewal !== null) this.#failed(renewal);
    else this.#lose(null);
  }

  #failed(failure: Failure): void {
    if (passes(failure)) this.#lose(failure);
    else if (failure.type === "removed") this.#close({ name: "removed" });
    else this.#close({ name: "refused", failure });
  }

  /** Comes back after a pause. */
  #lose(failure: Failure | null): void {
    const now = this.#environment.clock.now();
    if (now - this.#connectedAt >= SETTLED_AFTER_MS) this.#attempt = 0;
    this.#leave();
    this.#attempt += 1;
    this.#wait(Math.max(pauseBefore(this.#attempt, this.#environment.random()), this.#notBefore - now), failure);
  }

  #wait(ms: number, failure: Failure | null): void {
    const turn = this.#begin();
    this.#after(ms, turn, () => void this.#connect(this.#begin()));
    this.#to({ name: "reconnecting", attempt: Math.max(1, this.#attempt), retryAt: this.#environment.clock.now() + ms, failure });
  }

  #close(state: ChatState): void {
    this.#leave();
    this.#begin();
    this.#to(state);
  }

  /** Off the room; what was sent and not answered is lost. */
  #leave(): void {
    const room = this.#room;
    this.#room = null;
    this.#turn += 1;
    this.#connectedAt = Infinity;
    this.#renewal = null;
    room?.disconnect();
    for (const reject of this.#pending) reject(new ChatError("connection-lost", "the connection ended before the answer"));
    this.#pending.clear();
  }

  #begin(): number {
    this.#callOff();
    this.#turn += 1;
    return this.#turn;
  }

  #after(ms: number, turn: number, callback: () => void): void {
    this.#callOff();
    this.#callOff = this.#environment.clock.after(ms, () => {
      if (turn === this.#turn) callback();
    });
  }

  #to(state: ChatState): void {
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.#listener.onChange();
  }
}
