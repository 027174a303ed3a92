import type { Clock } from "./clock.js";
import type { ChatEvent } from "./room.js";

export interface PushedOptions<S> {
  /** Asks the API for the state of now; `null` where it tells none. */
  ask: () => Promise<S | null>;
  /** How old its answer may be: two seconds, as `GET /streams` may be cached for. */
  cachedMs?: number;
  /** Whether an event tells one change, and not the whole: then what came before the first one has to be asked for. */
  deltas?: boolean;
  /** The state after an event; `null` if what was known before is needed, and nothing was. Names that it does not know change nothing. */
  apply: (state: S | null, event: ChatEvent) => S | null;
  onChange: () => void;
  clock: Clock;
  /** A number in [0, 1): all who miss the same event do not ask together. */
  random: () => number;
}

const CACHED_MS = 2000;
/** Those who miss an event ask within this. */
const SPREAD_MS = 4000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The state of a stage or a channel by the events that the service pushes into its room. Each has a `sequence`; what is older than what was seen, or
 * repeated, is dropped. Whoever misses one asks the API, as does who has just connected: whatever was lost, doubled or out of order, the state ends
 * up as it is.
 */
export class PushedState<S> {
  readonly #options: PushedOptions<S>;
  #state: S | null = null;
  #sequence: number | null = null;
  #appliedAt = -Infinity;
  #connectedAt = -Infinity;
  #connected = false;
  #asking = false;
  #failures = 0;
  #turn = 0;
  #callOff: () => void = () => {};

  constructor(options: PushedOptions<S>) {
    this.#options = options;
  }

  /** What is known; `null` before anything is. */
  get state(): S | null {
    return this.#state;
  }

  /** Whether events come. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The room is connected, for the first time or again. */
  connect(): void {
    if (this.#connected) return;
    this.#connected = true;
    // What came meanwhile is not known; and the room may be another one by now, which counts from one.
    this.#sequence = null;
    this.#failures = 0;
    this.#connectedAt = this.#options.clock.now();
    this.#askAfter(0);
  }

  disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#asking = false;
    this.#turn += 1;
    this.#callOff();
    this.#options.onChange();
  }

  /** Whether anything was pushed since the room was connected: not every service pushes. */
  get heard(): boolean {
    return this.#sequence !== null;
  }

  /** An event of the room. One without a sequence is none of the service's. */
  push(event: ChatEvent): void {
    const sequence = Number(event.attributes["sequence"] ?? Number.NaN);
    if (!this.#connected || !Number.isSafeInteger(sequence)) return;
    if (this.#sequence !== null && sequence <= this.#sequence) return;
    const gap = this.#sequence === null ? this.#options.deltas === true : sequence !== this.#sequence + 1;
    this.#sequence = sequence;
    this.#appliedAt = this.#options.clock.now();
    const state = this.#options.apply(this.#state, event);
    if (state !== null) this.#learn(state);
    if (gap || state === null) this.#askLater();
  }

  get #cachedMs(): number {
    return this.#options.cachedMs ?? CACHED_MS;
  }

  #askLater(): void {
    this.#askAfter(this.#cachedMs + SPREAD_MS * this.#options.random());
  }

  /** Unless it is about to ask; an answer that is under way is held against what came meanwhile. */
  #askAfter(ms: number): void {
    if (this.#asking) return;
    this.#asking = true;
    const turn = ++this.#turn;
    this.#callOff = this.#options.clock.after(ms, () => void this.#ask(turn));
  }

  async #ask(turn: number): Promise<void> {
    const { clock, random } = this.#options;
    const askedAt = clock.now();
    const asked = this.#sequence;
    let state: S | null;
    try {
      state = await this.#options.ask();
    } catch {
      if (turn !== this.#turn) return;
      this.#asking = false;
      this.#failures += 1;
      this.#askAfter(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures) * (0.5 + random()));
      return;
    }
    if (turn !== this.#turn) return;
    this.#asking = false;
    this.#failures = 0;
    // An event that came meanwhile, or just before, is newer than an answer that was cached.
    if (asked !== this.#sequence || askedAt - this.#appliedAt < this.#cachedMs) {
      this.#askLater();
      return;
    }
    if (state !== null) this.#learn(state);
    // An event just before the room was connected is in no answer of before it.
    if (askedAt - this.#connectedAt < this.#cachedMs) this.#askLater();
  }

  #learn(state: S): void {
    this.#state = state;
    this.#options.onChange();
  }
}

/** What is pushed of a channel. */
export interface ChannelState {
  state: "live" | "offline";
  /** Which broadcast it is; another one has another. */
  session: string | null;
  startedAt: string | null;
  viewerCount: number | null;
}

/** A channel's state after an event, each of which carries the whole. */
export function applyToChannel(before: ChannelState | null, { name, attributes }: ChatEvent): ChannelState | null {
  if (!["stream-started", "stream-ended", "viewers"].includes(name)) return before;
  const state = attributes["state"] ?? (name === "stream-started" ? "live" : name === "stream-ended" ? "offline" : before?.state);
  if (state === undefined) return null;
  if (state !== "live") return { state: "offline", session: null, startedAt: null, viewerCount: null };
  const count = Number(attributes["viewerCount"] || Number.NaN);
  return {
    state,
    session: attributes["session"] || null,
    startedAt: attributes["startedAt"] || null,
    viewerCount: Number.isSafeInteger(count) ? count : null,
  };
}

/** What is pushed of a stage. */
export interface StageState {
  doors: "open" | "closed";
  /** The users who publish, by the id of their participant. */
  publishing: Record<string, string>;
}

/** A stage's state after an event, which tells one thing that has changed. */
export function applyToStage(before: StageState | null, { name, attributes }: ChatEvent): StageState | null {
  if (before === null) return null;
  const { doors, participantId, userId = "" } = attributes;
  switch (name) {
    case "doors":
      return doors === "open" || doors === "closed" ? { ...before, doors } : before;
    case "published":
      return participantId === undefined ? before : { ...before, publishing: { ...before.publishing, [participantId]: userId } };
    case "unpublished": {
      const { [participantId ?? ""]: _gone, ...publishing } = before.publishing;
      return { ...before, publishing };
    }
    default:
      return before;
  }
}
