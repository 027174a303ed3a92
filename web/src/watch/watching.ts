import type { ChannelState } from "../../../clients/typescript/chat/index.js";
import type { Clock } from "../clock";
import type { Problem } from "../problem";
import type { Player, PlayerEvent, PlayerListener } from "./player";
import type { Answer, Stream, StreamService } from "./service";
import type { WatchStateName } from "./states";

/** What {@link Watching} needs of a {@link StreamService}. */
export type Service = Pick<StreamService, "ask" | "forgetToken" | "channel" | "hasToken">;

/** The service is asked this often, for an answer may be cached as long. */
const POLL_MS = 2000;
/** Who waits long is asked for less often. */
const SLOWEST_POLL_MS = 15_000;
const FAST_POLLS = 30;
/** While all is well: only the number of viewers changes. */
const LIVE_POLL_MS = 10_000;
/** What is pushed is asked for all the same, in case that something was not. */
const PUSHED_POLL_MS = 60_000;
/** An answer may be as old as it may be cached: what was pushed later than that is newer. */
const CACHED_MS = 2000;
const TICK_MS = 1000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** So many attempts go on with the playlist that is open; later ones open it anew. */
const RESUMES = 2;
/** What the player still has is played out for so long after the service has said that it is over. */
const PLAY_OUT_MS = 10_000;
/** A playlist is frozen when nothing new came for so many target durations. */
const FROZEN_AFTER = 3;
/** A picture that stands still for so long, although media comes, is begun anew. */
const STUCK_MS = 8000;
/** A standstill shorter than this is not worth a word. */
const STALL_MS = 500;
/** So long after its end a stream may come back: that a server died looks like an end to the service, and its broadcast is back in seconds. */
const COMEBACK_MS = 20_000;
/** So much later than the player aims for is "behind". */
const BEHIND_SECONDS = 4;

/** What ends with something that is pushed; in other states something is amiss, of which only the service may know. */
const PUSHED_STATES = new Set<WatchStateName>(["waiting", "live", "blocked", "ended"]);

/**
 * Watches one channel: waits for the service to say live, opens the player only then, brings it back from what it gives up on, and tells the end.
 * Says `change` whenever one of its members did. A playlist that is gone or frozen is no news of the broadcast: the service decides.
 */
export class Watching extends EventTarget {
  readonly #service: Service;
  readonly #player: Player;
  readonly #clock: Clock;
  #state: WatchStateName = "looking";
  #stream: Stream | null = null;
  #problem: Problem | null = null;
  #endedAt: number | null = null;
  /** What the player was opened with. */
  #open: { session: string | null; url: string } | null = null;
  #begun = false;
  #over = false;
  #offlineSince: number | null = null;
  #progressAt = 0;
  #position: number | null = null;
  #movedAt = 0;
  #attempts = 0;
  #polls = 0;
  #asking = false;
  #stopped = false;
  #isPushed = false;
  #pushed: { at: number; state: ChannelState } | null = null;
  #cancelPoll = () => {};
  #cancelTick = () => {};
  #cancelStall = () => {};
  #cancelRetry: (() => void) | null = null;

  constructor(service: Service, makePlayer: (listener: PlayerListener) => Player, clock: Clock) {
    super();
    this.#service = service;
    this.#clock = clock;
    this.#player = makePlayer((event) => this.#heard(event));
  }

  get state(): WatchStateName {
    return this.#state;
  }

  /** The service's latest word; `null` before the first. */
  get stream(): Stream | null {
    return this.#stream;
  }

  /** Why the page is in `unreachable`, or what the player said last. */
  get problem(): Problem | null {
    return this.#problem;
  }

  /** When it was seen to end, in milliseconds since 1970. */
  get endedAt(): number | null {
    return this.#endedAt;
  }

  /** Whether it ended so lately that the end may be none; each second with a `change`. */
  get mayComeBack(): boolean {
    return this.#state === "ended" && this.#endedAt !== null && this.#clock.now() - this.#endedAt < COMEBACK_MS;
  }

  /** Seconds behind what is sent, if the player knows. */
  get latency(): number | null {
    return this.#state === "live" ? this.#player.latency : null;
  }

  /** Whether there is something newer to jump to. */
  get behind(): boolean {
    const latency = this.latency;
    return latency !== null && latency > this.#player.targetLatency + BEHIND_SECONDS;
  }

  start(): void {
    this.#tick();
    void this.#ask();
  }

  /** Ends all that it does. */
  stop(): void {
    this.#stopped = true;
    this.#cancelPoll();
    this.#cancelTick();
    this.#cancelStall();
    this.#cancelRetry?.();
    this.#player.unload();
  }

  /** Asks the service at once, such as when somebody signed in or the network is back. */
  askNow(): void {
    this.#polls = 0;
    void this.#ask();
  }

  /** Tries again at once, such as when the network is back. */
  retryNow(): void {
    this.#retry();
    this.askNow();
  }

  /** Whether the channel's state is pushed at present: then the service is asked less often. */
  set isPushed(isPushed: boolean) {
    if (isPushed === this.#isPushed) return;
    this.#isPushed = isPushed;
    if (this.#asking || this.#stopped) return;
    this.#cancelPoll();
    this.#cancelPoll = this.#clock.after(this.#pollPause(), () => void this.#ask());
  }

  /** Learns what was pushed of the channel. */
  learnPushed(state: ChannelState): void {
    if (this.#stopped) return;
    this.#pushed = { at: this.#clock.now(), state };
    // The address of a private channel has a token in it, which may have ended.
    if (this.#stream === null || (state.state === "live" && this.#service.hasToken && state.session !== this.#open?.session)) this.askNow();
    else this.#learn({ kind: "stream", stream: { ...this.#stream, ...state } });
  }

  /** Plays, with sound, after the browser refused to by itself. */
  play(): void {
    if (this.#state === "blocked") this.#to("loading");
    this.#player.play();
  }

  goToLive(): void {
    this.#player.goToLive();
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#stopped) return;
    this.#asking = true;
    this.#cancelPoll();
    const askedAt = this.#clock.now();
    let answer = await this.#service.ask();
    this.#asking = false;
    if (this.#stopped) return;
    if (answer.kind === "stream" && this.#pushed !== null && this.#pushed.at > askedAt - CACHED_MS) {
      answer = { kind: "stream", stream: { ...answer.stream, ...this.#pushed.state } };
    }
    this.#polls += 1;
    this.#learn(answer);
    this.#cancelPoll = this.#clock.after(this.#pollPause(), () => void this.#ask());
  }

  #pollPause(): number {
    if (this.#isPushed && PUSHED_STATES.has(this.#state) && this.#offlineSince === null) return PUSHED_POLL_MS;
    // While the rest is played out, the next broadcast may begin.
    if (this.#state === "live" && this.#offlineSince === null) return LIVE_POLL_MS;
    if (this.#state === "private" || this.#state === "not-found") return SLOWEST_POLL_MS;
    const slower = Math.max(0, this.#polls - FAST_POLLS);
    return Math.min(SLOWEST_POLL_MS, POLL_MS * 1.5 ** Math.min(slower, 10));
  }

  #learn(answer: Answer): void {
    if (answer.kind === "problem") {
      this.#problem = answer.problem;
      // What plays goes on playing: the media comes from elsewhere.
      if (this.#open === null) this.#to("unreachable");
      return;
    }
    this.#problem = null;
    if (answer.kind !== "stream") {
      // Deleted, or closed to this viewer, while it was watched.
      this.#close();
      this.#stream = null;
      this.#to(answer.kind);
      return;
    }
    this.#stream = answer.stream;
    if (answer.stream.state === "live") this.#onAir(answer.stream);
    else this.#offAir();
    this.dispatchEvent(new Event("change"));
  }

  #onAir(stream: Stream): void {
    this.#offlineSince = null;
    if (this.#state === "unplayable") return;
    // Another session begins with segment 0 again: old numbers would hide it.
    if (this.#open === null || this.#open.session !== stream.session) this.#load(stream);
  }

  #offAir(): void {
    if (this.#open === null) {
      if (this.#state !== "ended") this.#to("waiting");
      return;
    }
    this.#offlineSince ??= this.#clock.now();
    if (this.#over || !this.#begun || this.#state !== "live") this.#end();
  }

  #load(stream: Stream): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#open = { session: stream.session, url: stream.playbackUrl };
    this.#begun = false;
    this.#over = false;
    this.#attempts = 0;
    this.#progressAt = this.#clock.now();
    this.#to(this.#state === "reconnecting" || this.#state === "live" || this.#state === "buffering" ? "reconnecting" : "loading");
    this.#player.load(stream.playbackUrl);
  }

  #close(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    if (this.#open !== null) this.#player.unload();
    this.#open = null;
    this.#offlineSince = null;
  }

  #end(): void {
    this.#endedAt = this.#offlineSince ?? this.#clock.now();
    this.#close();
    this.#polls = 0;
    this.#to("ended");
  }

  #heard(event: PlayerEvent): void {
    if (this.#open === null || this.#stopped) return;
    switch (event.type) {
      case "progress":
        this.#progressAt = this.#clock.now();
        return;
      case "playing":
        this.#cancelStall();
        this.#begun = true;
        this.#attempts = 0;
        if (!this.#over && this.#cancelRetry === null) this.#to("live");
        return;
      case "stalled":
        if (this.#offlineSince !== null) this.#end();
        else if (this.#state === "live") {
          this.#cancelStall();
          this.#cancelStall = this.#clock.after(STALL_MS, () => {
            if (this.#state !== "live") return;
            this.#to("buffering");
            this.askNow();
          });
        }
        return;
      case "blocked":
        this.#to("blocked");
        return;
      case "over":
        this.#over = true;
        if (this.#offlineSince !== null) this.#end();
        else {
          // The service hears of the end a moment later than the playlist says it; or it is another session already.
          this.#to("reconnecting");
          this.askNow();
        }
        return;
      case "failed":
        this.#recover(event.status);
        return;
      case "unplayable":
        this.#close();
        this.#to("unplayable");
        return;
    }
  }

  /** The player gave up. Whether the broadcast is over, the service says; until then it is tried again, ever more slowly. */
  #recover(status: number): void {
    if (this.#cancelRetry !== null || this.#open === null) return;
    if (this.#offlineSince !== null) {
      this.#end();
      return;
    }
    if (status === 401 || status === 403) {
      this.#service.forgetToken();
      this.#attempts = Math.max(this.#attempts, RESUMES);
    }
    this.#to(this.#begun ? "reconnecting" : "loading");
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#attempts);
    this.#cancelRetry = this.#clock.after(pause, () => this.#retry());
    this.askNow();
  }

  /** Makes the attempt that is due. */
  #retry(): void {
    if (this.#cancelRetry === null || this.#open === null) return;
    this.#cancelRetry();
    this.#cancelRetry = null;
    this.#attempts += 1;
    this.#progressAt = this.#clock.now();
    // The address may have another token by now.
    if (this.#attempts <= RESUMES) this.#player.resume();
    else this.#player.load(this.#stream?.playbackUrl ?? this.#open.url);
  }

  #tick(): void {
    this.#cancelTick = this.#clock.after(TICK_MS, () => this.#tick());
    if (this.#open !== null) this.#watchForFreeze();
    if (this.#state === "live" || this.#state === "ended") this.dispatchEvent(new Event("change"));
  }

  #watchForFreeze(): void {
    const now = this.#clock.now();
    if (this.#offlineSince !== null && now - this.#offlineSince >= PLAY_OUT_MS) {
      this.#end();
      return;
    }
    if (this.#state === "blocked" || this.#cancelRetry !== null) return;
    const position = this.#player.position;
    if (position === null || position !== this.#position) {
      this.#position = position;
      this.#movedAt = now;
    } else if (now - this.#movedAt >= STUCK_MS) {
      // hls.js and the browser do not agree where to go on.
      this.#movedAt = now;
      this.#attempts = Math.max(this.#attempts, RESUMES);
      this.#recover(0);
      return;
    }
    if (now - this.#progressAt < FROZEN_AFTER * this.#player.targetDurationMs) return;
    // Nothing new, and no error: hls.js asks for a frozen playlist for ever.
    this.#progressAt = now;
    this.#attempts = Math.max(this.#attempts, RESUMES);
    this.#recover(0);
  }

  #to(state: WatchStateName): void {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event("change"));
  }
}
