// Stand-ins for tests: a clock that goes when it is told to, and a room whose other end is the test.

import type { Clock } from "./clock.js";
import type { Room, RoomOptions, RoomToken } from "./room.js";
import type { ChatService, ChatToken, ChatTokenRequest } from "./service.js";

/** When what was begun has come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

export class TestClock implements Clock {
  #now = Date.UTC(2026, 2, 1, 12);
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Lets that much time pass: timers go off in order, and what they begin comes to rest before the next. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await settled();
    }
    this.#now = until;
    await settled();
  }
}

/** A room as Amazon's client was seen to behave, with `maxReconnectAttempts` 0. */
export class TestRoom implements Room {
  static all: TestRoom[] = [];
  connected = false;
  left = false;
  readonly tokens: RoomToken[] = [];
  readonly sent: { content: string; resolve: (value: unknown) => void; reject: (error: unknown) => void }[] = [];
  readonly options: RoomOptions;

  constructor(options: RoomOptions) {
    this.options = options;
    TestRoom.all.push(this);
  }

  static get last(): TestRoom {
    const last = TestRoom.all.at(-1);
    if (last === undefined) throw new Error("no room was made");
    return last;
  }

  connect(): void {
    void this.asksForToken();
  }

  /** It asks for a token: to connect, after a break, or by its timer. */
  async asksForToken(): Promise<void> {
    try {
      this.tokens.push(await this.options.tokenProvider());
    } catch {
      this.ends("fetchTokenError");
    }
  }

  disconnect(): void {
    if (!this.left) this.ends("clientDisconnect");
    this.left = true;
  }

  /** Throws before it is connected, as Amazon's does. */
  send(content: string): Promise<unknown> {
    if (!this.connected) throw new Error("not connected");
    return new Promise((resolve, reject) => this.sent.push({ content, resolve, reject }));
  }

  opens(): void {
    this.connected = true;
    this.options.listener.onConnect();
  }

  ends(reason: string): void {
    this.connected = false;
    this.options.listener.onDisconnect(reason);
  }

  /** The connection breaks without a close frame: it wants another token at once. */
  async breaks(): Promise<void> {
    this.connected = false;
    await this.asksForToken();
  }
}

/** An API that answers by the test's function. */
export class TestService implements ChatService {
  asked: ChatTokenRequest[] = [];
  atOnce = 0;
  mostAtOnce = 0;
  now: () => number;
  /** What it answers: by itself, a session of an hour. */
  answer: (request: ChatTokenRequest) => Promise<Partial<ChatToken>> = async () => ({});

  constructor(now: () => number) {
    this.now = now;
  }

  async token(request: ChatTokenRequest): Promise<ChatToken> {
    this.asked.push(request);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    try {
      const answer = await this.answer(request);
      return {
        token: `t${this.asked.length}`,
        endpoint: "wss://chat",
        sessionExpiresAt: new Date(this.now() + 3_600_000).toISOString(),
        userId: "alice",
        capabilities: ["SEND_MESSAGE"],
        role: "viewer",
        displayName: null,
        rules: null,
        slowModeSeconds: 0,
        ...answer,
      };
    } finally {
      this.atOnce -= 1;
    }
  }
}

/** A refusal of the API. */
export function refusal(status: number, type: string, retryAfterMs: number | null = null): Error {
  return Object.assign(new Error(type), { status, type, retryAfterMs });
}

/** Numbers in [0, 1) that are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed * 2654435761 + 1;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
