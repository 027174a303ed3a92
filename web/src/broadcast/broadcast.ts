import type { Api } from "../api";
import { Problem, problemOf } from "../problem";
import { Link, type LinkListener, type MediaBrowser } from "./link";
import { pauseBefore } from "./pauses";
import { afterClose, type AfterClose, type EndReason, type ServerMessage, type Stats } from "./protocol";
import { anotherTicket, broadcastOf, endBroadcast, openBroadcast, type Ticket } from "./tickets";

/** Where a broadcast is. */
export type BroadcastState =
  | { name: "idle" }
  /** Asks the API for a ticket. */
  | { name: "ticket" }
  | { name: "connecting"; waitsFor: "server" | "ingest" | "media" }
  | { name: "live" }
  /** The connection to the server is lost, or there was no room for it; the next attempt is made at `retryAt`, or is being made (`null`). */
  | { name: "reconnecting"; attempt: number; retryAt: number | null; since: number; noRoom: boolean }
  /** The server has lost the ingest, and takes it up again. */
  | { name: "ingest-lost"; attempt: number }
  /** Live, and on the way to another server, since this one is about to leave. */
  | { name: "moving" }
  /** Somebody broadcasts to the channel: take over? */
  | { name: "on-air-elsewhere" }
  /** No server has room; asked again at `retryAt`. */
  | { name: "no-server"; retryAt: number }
  /** The server was told that it is over. */
  | { name: "ending" }
  | { name: "ended"; reason: EndReason; detail: string | null; liveMs: number }
  | { name: "failed"; problem: Problem };

/** What is not right, while the broadcast goes on. */
export interface Trouble {
  /** The bitrate in use, when the connection was too slow for the one that was chosen. */
  slowedTo: number | null;
  /** Until when to say that a broken recorder was replaced. */
  recorderReplacedUntil: number;
}

/** The lowest bitrate that a slow connection is degraded to. */
export const LOWEST_BITRATE = 400_000;
/** With so much unsent the connection is given up: what waits there would come too late for anybody. */
const GIVE_UP_BYTES = 4_000_000;
/** With so much media unsent for some seconds the bitrate is too high. */
const LATE_SECONDS = 1.5;
const LATE_TICKS = 4;
const TICK_MS = 1000;
/** A broadcast that was live this long has forgotten the attempts that it took. */
const SETTLED_AFTER_MS = 10_000;
/** How long the server may take to confirm a stop. */
const END_WITHIN_MS = 3000;
/** A channel may count as on air for so long after one's own broadcast of it: that is no reason to ask. */
const OWN_ECHO_MS = 60_000;
const SHOW_RECORDER_MS = 8000;
const DEFAULT_RETRY_MS = 5000;

/**
 * One person's broadcast to a channel, from "go live" to the end: tickets, servers, recorders. Says `change` whenever one of its members did.
 * What an old connection, request or timer says late is not heard.
 */
export class Broadcast extends EventTarget {
  readonly #api: Api;
  readonly #browser: MediaBrowser;
  readonly channel: string;

  #state: BroadcastState = { name: "idle" };
  /** Goes up with each turn of events: answers and timers of before are stale. */
  #turn = 0;
  #id: string | null = null;
  #link: Link | null = null;
  /** While moving: the connection to the next server. */
  #next: Link | null = null;
  #moving = false;
  /** The next server has had the broadcast, and has closed: what that means once the old one has noticed. */
  #movedInVain: AfterClose | null = null;
  #stream: MediaStream | null = null;
  #bitrate: number;
  #inUse: number;
  #takeOver = false;
  #attempt = 0;
  #lostAt = 0;
  #noRoom = false;
  #liveSince: number | null = null;
  #settledAt = Infinity;
  #lateTicks = 0;
  #stats: Stats | null = null;
  #recorderReplacedUntil = 0;
  #endedAt = -Infinity;
  #callOff: () => void = () => {};
  #stopTicking: () => void = () => {};

  constructor(api: Api, browser: MediaBrowser, channel: string, bitrate: number) {
    super();
    this.#api = api;
    this.#browser = browser;
    this.channel = channel;
    this.#bitrate = bitrate;
    this.#inUse = bitrate;
  }

  get state(): BroadcastState {
    return this.#state;
  }

  /** The API's id of it; `null` before the first ticket, and after the end. */
  get id(): string | null {
    return this.#id;
  }

  /** When it was live first, in milliseconds since 1970. */
  get liveSince(): number | null {
    return this.#liveSince;
  }

  /** The server's latest figures, while it is connected. */
  get stats(): Stats | null {
    return this.#stats;
  }

  /** What waits in the browser for the network. */
  get bufferedBytes(): number {
    return this.#link?.bufferedBytes ?? 0;
  }

  get bitrate(): number {
    return this.#bitrate;
  }

  get trouble(): Trouble {
    return { slowedTo: this.#inUse < this.#bitrate ? this.#inUse : null, recorderReplacedUntil: this.#recorderReplacedUntil };
  }

  /** Whether leaving the page would cut something off. */
  get active(): boolean {
    return !["idle", "on-air-elsewhere", "no-server", "ended", "failed"].includes(this.#state.name);
  }

  /** What to record. A recorder does not take another track, so another stream is another recording. */
  set stream(stream: MediaStream | null) {
    if (stream === this.#stream) return;
    this.#stream = stream;
    for (const link of [this.#link, this.#next]) if (link?.ready) this.#record(link);
  }

  /** Bits a second of the picture. */
  set bitrate(bitrate: number) {
    if (bitrate === this.#bitrate && bitrate === this.#inUse) return;
    this.#bitrate = bitrate;
    this.#use(bitrate);
  }

  /** Begins. `takeOver`: also while somebody else broadcasts to the channel, who is ended. */
  goLive(takeOver = false): void {
    if (this.active) return;
    this.#forget();
    this.#takeOver = takeOver;
    void this.#open(takeOver || this.#browser.clock.now() - this.#endedAt < OWN_ECHO_MS);
  }

  /** Takes up a broadcast that this page had before it was loaded anew. */
  resume(broadcast: string, liveAt: string | null): void {
    if (this.active) return;
    this.#forget();
    this.#id = broadcast;
    this.#liveSince = liveAt === null ? null : Date.parse(liveAt);
    this.#lostAt = this.#browser.clock.now();
    this.#reconnect(0, false);
  }

  /** Makes the next attempt at once, such as when the network is back. */
  retryNow(): void {
    if (this.#state.name === "no-server") void this.#open(this.#takeOver);
    if (this.#state.name === "reconnecting" && this.#state.retryAt !== null) void this.#comeBack();
  }

  /** Ends it, or gives up what is not live yet. */
  stop(): void {
    if (this.#state.name === "on-air-elsewhere" || this.#state.name === "no-server") {
      this.#forget();
      this.#to({ name: "idle" });
      return;
    }
    if (!this.active || this.#state.name === "ending") return;
    this.#drop(this.#next);
    this.#next = null;
    const turn = this.#begin();
    if (this.#link?.ready) {
      this.#to({ name: "ending" });
      this.#link.stop();
      this.#after(END_WITHIN_MS, turn, () => this.#abandon());
    } else {
      this.#abandon();
    }
  }

  /** The page goes away: ends it as well as can be done without waiting. */
  leave(): void {
    if (!this.active) return;
    for (const link of [this.#next, this.#link]) {
      if (link?.ready) link.stop();
      this.#drop(link);
    }
    this.#end("stopped", null);
  }

  /** Tells the API, since there is no server to tell. */
  #abandon(): void {
    // It ends by itself if this does not arrive.
    if (this.#id !== null) void endBroadcast(this.#api, this.#id).catch(() => {});
    this.#end("stopped", null);
  }

  async #open(takeOver: boolean): Promise<void> {
    const turn = this.#begin();
    this.#to({ name: "ticket" });
    let ticket: Ticket;
    try {
      ticket = await openBroadcast(this.#api, this.channel, takeOver);
    } catch (error) {
      if (turn !== this.#turn) return;
      const problem = problemOf(error);
      if (problem.type === "on-air") {
        this.#to({ name: "on-air-elsewhere" });
      } else if (problem.type === "no-server") {
        const wait = problem.retryAfterMs ?? DEFAULT_RETRY_MS;
        this.#to({ name: "no-server", retryAt: this.#browser.clock.now() + wait });
        this.#after(wait, turn, () => void this.#open(takeOver));
      } else {
        this.#fail(problem);
      }
      return;
    }
    if (turn !== this.#turn) {
      // It was given up meanwhile, and nobody will redeem this.
      void endBroadcast(this.#api, ticket.broadcast).catch(() => {});
      return;
    }
    this.#id = ticket.broadcast;
    try {
      this.#link = this.#connect(ticket);
    } catch (error) {
      this.#fail(problemOf(error));
      return;
    }
    this.#to({ name: "connecting", waitsFor: "server" });
  }

  /** Waits, and then gets another ticket and connects with it. `least`: what the API asked to wait. */
  #reconnect(least: number, noRoom: boolean): void {
    const turn = this.#begin();
    this.#noRoom = noRoom;
    const now = this.#browser.clock.now();
    this.#drop(this.#link);
    this.#drop(this.#next);
    this.#link = this.#next = null;
    this.#moving = false;
    this.#movedInVain = null;
    this.#stats = null;
    this.#attempt += 1;
    const wait = Math.max(least, pauseBefore(this.#attempt, this.#browser.random()));
    this.#to({ name: "reconnecting", attempt: this.#attempt, retryAt: now + wait, since: this.#lostAt, noRoom });
    this.#after(wait, turn, () => void this.#comeBack());
  }

  async #comeBack(): Promise<void> {
    const id = this.#id;
    if (id === null) return;
    const turn = this.#begin();
    this.#to({ name: "reconnecting", attempt: this.#attempt, retryAt: null, since: this.#lostAt, noRoom: this.#noRoom });
    try {
      const ticket = await anotherTicket(this.#api, id);
      if (turn === this.#turn) this.#link = this.#connect(ticket);
    } catch (error) {
      if (turn !== this.#turn) return;
      const problem = problemOf(error);
      if (problem.type === "broadcast-ended" || problem.status === 404) {
        const view = await broadcastOf(this.#api, id).catch(() => null);
        if (turn === this.#turn) this.#end(view?.endReason ?? "lost", null);
      } else if (problem.passes) {
        this.#reconnect(problem.retryAfterMs ?? 0, problem.type === "no-server");
      } else {
        this.#fail(problem);
      }
    }
  }

  /** Another server first, and then off this one. */
  async #move(): Promise<void> {
    const id = this.#id;
    if (id === null || this.#moving) return;
    this.#moving = true;
    const turn = this.#turn;
    this.#to({ name: "moving" });
    try {
      const ticket = await anotherTicket(this.#api, id);
      if (turn !== this.#turn || !this.#moving) return;
      this.#next = this.#connect(ticket);
    } catch (error) {
      if (turn !== this.#turn || !this.#moving) return;
      // The old server still sends: once more, until it closes.
      this.#after(Math.max(1000, problemOf(error).retryAfterMs ?? 0), turn, () => {
        this.#moving = false;
        void this.#move();
      });
    }
  }

  #connect({ url, ticket }: Ticket): Link {
    // A link that was left says nothing any more, so these are of the present one or the next.
    const listener: LinkListener = {
      onMessage: (link, message) => this.#onMessage(link, message),
      onClosed: (link, code) => this.#onClosed(link, code),
      onRecorderReplaced: () => {
        this.#recorderReplacedUntil = this.#browser.clock.now() + SHOW_RECORDER_MS;
        this.#changed();
      },
      onRecorderFailed: (link, detail) => {
        link.stop();
        this.#fail(problemOf(new RecorderError(detail)));
      },
    };
    return new Link(this.#browser, url, ticket, listener);
  }

  #onMessage(link: Link, message: ServerMessage): void {
    switch (message.type) {
      case "ready":
        this.#record(link);
        if (link !== this.#link) break;
        if (this.#state.name === "connecting") this.#to({ name: "connecting", waitsFor: "ingest" });
        else if (this.#state.name === "reconnecting") this.#to({ ...this.#state, noRoom: false });
        break;
      case "restart":
        this.#record(link);
        this.#recorderReplacedUntil = this.#browser.clock.now() + SHOW_RECORDER_MS;
        this.#changed();
        break;
      case "state":
        if (link === this.#next) {
          if (message.state !== "live") break;
          this.#promote(link);
          this.#isLive();
        } else {
          this.#onState(message);
        }
        break;
      case "stats":
        if (link === this.#link) {
          this.#stats = message;
          this.#changed();
        }
        break;
      case "move":
        if (link === this.#link && this.#state.name !== "ending") void this.#move();
        break;
      case "end":
        // The old server has noticed that the next one has it.
        if (link === this.#link && this.#next !== null && (this.#next.ready || message.reason === "taken-over")) this.#promote(this.#next);
        else this.#end(message.reason as EndReason, message.detail);
        break;
    }
  }

  #onState(message: ServerMessage & { type: "state" }): void {
    if (this.#state.name === "ending") return;
    if (message.state === "live") {
      this.#isLive();
    } else if (message.state === "reconnecting") {
      this.#to({ name: "ingest-lost", attempt: message.attempt });
    } else if (this.#state.name === "connecting") {
      this.#to({ name: "connecting", waitsFor: message.waitsFor });
    }
  }

  #isLive(): void {
    const now = this.#browser.clock.now();
    this.#liveSince ??= now;
    this.#settledAt = now + SETTLED_AFTER_MS;
    this.#stopTicking();
    this.#tick();
    this.#to(this.#moving ? { name: "moving" } : { name: "live" });
  }

  /** Off the old server: the next one is it. */
  #promote(next: Link): void {
    this.#drop(this.#link);
    this.#link = next;
    this.#next = null;
    this.#moving = false;
    this.#movedInVain = null;
    this.#lostAt = this.#browser.clock.now();
  }

  #onClosed(link: Link, code: number): void {
    if (link === this.#next) {
      // The move failed; the old server still sends, at least until it hears of another attempt.
      if (link.ready) this.#movedInVain = { go: "again", noRoom: code === 4429 };
      this.#next = null;
      this.#moving = false;
      this.#after(1000, this.#turn, () => void this.#move());
      return;
    }
    if (this.#state.name === "ending") {
      this.#abandon();
      return;
    }
    if (this.#next !== null) {
      // The old server did not wait. The next one has to be waited for now.
      this.#promote(this.#next);
      return;
    }
    const then = code === 4409 && this.#movedInVain !== null ? this.#movedInVain : afterClose(code);
    if (then.go === "end") this.#end(then.reason, null);
    else if (then.go === "fail") this.#fail(problemOf(new Error(then.detail)));
    else this.#lose(then.noRoom);
  }

  #lose(noRoom: boolean): void {
    if (this.#state.name !== "reconnecting") {
      this.#lostAt = this.#browser.clock.now();
      if (this.#lostAt >= this.#settledAt) this.#attempt = 0;
    }
    this.#settledAt = Infinity;
    this.#reconnect(0, noRoom);
  }

  #record(link: Link): void {
    if (this.#stream !== null) link.record(this.#stream, this.#inUse);
  }

  /** Watches how much waits for the network. */
  #tick(): void {
    this.#stopTicking = this.#browser.clock.after(TICK_MS, () => {
      this.#tick();
      const buffered = this.bufferedBytes;
      if (buffered > GIVE_UP_BYTES) {
        this.#inUse = lower(this.#inUse);
        this.#lose(false);
        return;
      }
      this.#lateTicks = buffered * 8 > LATE_SECONDS * this.#inUse ? this.#lateTicks + 1 : 0;
      if (this.#lateTicks >= LATE_TICKS && this.#inUse > LOWEST_BITRATE) this.#use(lower(this.#inUse));
      this.#changed();
    });
  }

  #use(bitrate: number): void {
    this.#inUse = bitrate;
    this.#lateTicks = 0;
    for (const link of [this.#link, this.#next]) if (link?.ready) this.#record(link);
    this.#changed();
  }

  #fail(problem: Problem): void {
    this.#close();
    this.#to({ name: "failed", problem });
  }

  #end(reason: EndReason, detail: string | null): void {
    const now = this.#browser.clock.now();
    this.#close();
    this.#endedAt = reason === "taken-over" ? -Infinity : now;
    this.#to({ name: "ended", reason, detail, liveMs: this.#liveSince === null ? 0 : now - this.#liveSince });
  }

  #close(): void {
    this.#begin();
    this.#stopTicking();
    this.#drop(this.#link);
    this.#drop(this.#next);
    this.#link = this.#next = null;
    this.#moving = false;
    this.#id = null;
    this.#stats = null;
  }

  #forget(): void {
    this.#close();
    this.#attempt = 0;
    this.#liveSince = null;
    this.#settledAt = Infinity;
    this.#lateTicks = 0;
    this.#recorderReplacedUntil = 0;
    this.#inUse = this.#bitrate;
  }

  #drop(link: Link | null): void {
    link?.close();
  }

  #begin(): number {
    this.#callOff();
    this.#turn += 1;
    return this.#turn;
  }

  #after(ms: number, turn: number, callback: () => void): void {
    this.#callOff();
    this.#callOff = this.#browser.clock.after(ms, () => {
      if (turn === this.#turn) callback();
    });
  }

  #to(state: BroadcastState): void {
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

/** No recorder of the browser's lasts. */
export class RecorderError extends Error {
  override name = "RecorderError";
}

function lower(bitrate: number): number {
  return Math.max(LOWEST_BITRATE, Math.round(bitrate * 0.6));
}
