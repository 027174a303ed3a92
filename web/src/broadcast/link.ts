import type { Clock } from "../clock";
import { parseServerMessage, protocolsOf, type ClientMessage, type ServerMessage } from "./protocol";
import { Recording, type MediaRecorderClass } from "./recording";

/** What of the browser a broadcast needs; tests bring their own. */
export interface MediaBrowser {
  WebSocket: new (url: string, protocols: string[]) => WebSocket;
  MediaRecorder: MediaRecorderClass;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
}

/** What a link says. Nothing after {@link Link.close}. */
export interface LinkListener {
  onMessage(link: Link, message: ServerMessage): void;
  /** The connection is gone, or was never there. */
  onClosed(link: Link, code: number): void;
  /** The recorder broke, and there is another one already. */
  onRecorderReplaced(link: Link, why: string, detail: string): void;
  /** No recorder lasts: there is none any more. */
  onRecorderFailed(link: Link, detail: string): void;
}

/** How long a server may take until it has redeemed the ticket. */
const READY_WITHIN_MS = 10_000;
/** A server that gives figures each second, and then says nothing for this long, is out of reach. */
const DEAF_AFTER_MS = 8_000;
/** So many recorders may break, one right after another. */
const RECORDERS = 4;

/** One connection to a server, with the recording that it carries. */
export class Link {
  readonly #browser: MediaBrowser;
  readonly #socket: WebSocket;
  #listener: LinkListener | null;
  #recording: Recording | null = null;
  #maxChunkBytes = Infinity;
  #ready = false;
  #givesFigures = false;
  #broken = 0;
  #callOff: () => void;

  constructor(browser: MediaBrowser, url: string, ticket: string, listener: LinkListener) {
    this.#browser = browser;
    this.#listener = listener;
    this.#socket = new browser.WebSocket(url, protocolsOf(ticket));
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", (event) => this.#onMessage(event.data));
    this.#socket.addEventListener("close", (event) => this.#closed(event.code));
    this.#callOff = browser.clock.after(READY_WITHIN_MS, () => this.#closed(1006));
  }

  /** Whether the server has redeemed the ticket. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Bytes that wait for the network. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Records the stream from here on, instead of what was recorded before. */
  record(stream: MediaStream, videoBitsPerSecond: number): void {
    this.#recording?.stop();
    this.#recording = new Recording(this.#browser.MediaRecorder, stream, videoBitsPerSecond, this.#browser.clock, {
      onStarted: (mimeType) => this.#send({ type: "start", mimeType }),
      onChunk: (chunk) => {
        this.#broken = 0;
        this.#sendChunk(chunk);
      },
      onBroken: (why, detail) => {
        this.#broken += 1;
        if (this.#broken >= RECORDERS) {
          this.#recording = null;
          this.#listener?.onRecorderFailed(this, detail);
          return;
        }
        this.record(stream, videoBitsPerSecond);
        this.#listener?.onRecorderReplaced(this, why, detail);
      },
    });
  }

  /** Tells the server that the broadcast is over; it answers with `end`. */
  stop(): void {
    this.#recording?.stop();
    this.#recording = null;
    this.#send({ type: "stop" });
  }

  /** Leaves. The broadcast goes on for whoever takes it up. */
  close(): void {
    this.#listener = null;
    this.#callOff();
    this.#recording?.stop();
    this.#recording = null;
    this.#socket.close(1000);
  }

  #onMessage(data: unknown): void {
    if (this.#listener === null) return;
    const message = parseServerMessage(data);
    if (message === null) return;
    if (message.type === "ready") {
      this.#ready = true;
      this.#maxChunkBytes = message.limits.maxChunkBytes;
      this.#callOff();
    }
    if (message.type === "stats") this.#recording?.check();
    this.#givesFigures ||= message.type === "stats";
    if (this.#givesFigures) {
      this.#callOff();
      this.#callOff = this.#browser.clock.after(DEAF_AFTER_MS, () => this.#closed(1006));
    }
    this.#listener.onMessage(this, message);
  }

  #send(message: ClientMessage): void {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** The server puts the pieces of a chunk that is too large for one frame together again: to it they are one stream of bytes. */
  #sendChunk(chunk: Blob): void {
    if (this.#socket.readyState !== 1) return;
    for (let at = 0; at < chunk.size; at += this.#maxChunkBytes) {
      this.#socket.send(chunk.size <= this.#maxChunkBytes ? chunk : chunk.slice(at, at + this.#maxChunkBytes));
    }
  }

  #closed(code: number): void {
    const listener = this.#listener;
    this.close();
    listener?.onClosed(this, code);
  }
}
