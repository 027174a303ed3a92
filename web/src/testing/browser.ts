// Stand-ins for what a browser has, for tests: each does what browsers were seen to do, and tells what was asked of it.

import type { Clock } from "../clock";

/** A clock that goes when it is told to. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 2, 1, 12);
  #timers: { at: number; callback: () => void }[] = [];
  readonly #rest: () => Promise<void>;

  /** `rest`: when what a timer has begun has come to rest. */
  constructor(rest: () => Promise<void> = settled) {
    this.#rest = rest;
  }

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
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await this.#rest();
    }
    this.#now = until;
    await this.#rest();
  }

  /** Time passes, but no timer goes off: a computer that sleeps, or a hidden tab. */
  skip(ms: number): void {
    this.#now += ms;
  }
}

/** When everything that was begun has come to rest. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A WebSocket whose other end is the test. */
export class FakeWebSocket extends EventTarget {
  static all: FakeWebSocket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  binaryType = "blob";
  readonly sent: (string | Blob)[] = [];
  closedWith: number | null = null;
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    super();
    this.url = url;
    this.protocols = protocols;
    FakeWebSocket.all.push(this);
  }

  static get last(): FakeWebSocket {
    const last = FakeWebSocket.all.at(-1);
    if (last === undefined) throw new Error("no WebSocket was made");
    return last;
  }

  send(data: string | Blob): void {
    if (this.readyState === 0) throw new DOMException("still connecting", "InvalidStateError");
    if (this.readyState === 1) this.sent.push(data);
  }

  /** As browsers do: the close event comes when the other end has answered, which may be never. */
  close(code: number): void {
    this.closedWith ??= code;
    if (this.readyState < 2) this.readyState = 2;
  }

  /** The JSON that was sent. */
  get messages(): { type: string; mimeType?: string }[] {
    return this.sent.filter((data) => typeof data === "string").map((data) => JSON.parse(data) as { type: string });
  }

  /** The media that was sent. */
  get chunks(): Blob[] {
    return this.sent.filter((data) => typeof data !== "string");
  }

  /** The server accepts. */
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** The server says something. */
  says(message: object): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }

  /** The server accepts, and has redeemed the ticket. */
  isReady(maxChunkBytes = 1_000_000): void {
    this.open();
    this.says({ type: "ready", broadcast: "bc-1", limits: { maxChunkBytes, quietSeconds: 10 } });
  }

  goesLive(): void {
    this.says({ type: "state", state: "live" });
  }

  /** The connection ends. */
  closes(code: number): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

/** A MediaRecorder whose chunks the test makes. */
export class FakeMediaRecorder extends EventTarget {
  static all: FakeMediaRecorder[] = [];
  static supported = (type: string): boolean => type.startsWith("video/") || type.startsWith("audio/webm");
  static isTypeSupported(type: string): boolean {
    return FakeMediaRecorder.supported(type);
  }
  /** Each new one fails to start. */
  static failing = false;

  state = "inactive";
  mimeType = "";
  timeslice: number | null = null;
  readonly stream: MediaStream;
  readonly options: MediaRecorderOptions & { videoKeyFrameIntervalDuration?: number };

  constructor(stream: MediaStream, options: MediaRecorderOptions) {
    super();
    this.stream = stream;
    this.options = options;
    FakeMediaRecorder.all.push(this);
  }

  static get last(): FakeMediaRecorder {
    const last = FakeMediaRecorder.all.at(-1);
    if (last === undefined) throw new Error("no MediaRecorder was made");
    return last;
  }

  start(timeslice: number): void {
    if (FakeMediaRecorder.failing) throw new DOMException("the tracks are ended", "NotSupportedError");
    this.timeslice = timeslice;
    this.state = "recording";
  }

  /** The type is known in full only now, as in Firefox. */
  starts(): void {
    this.mimeType = this.options.mimeType ?? "";
    this.dispatchEvent(new Event("start"));
  }

  gives(bytes: number): void {
    this.dispatchEvent(Object.assign(new Event("dataavailable"), { data: new Blob([new Uint8Array(bytes)]) }));
  }

  /** As browsers do: the last chunk and `stop` come after it has returned. */
  stop(): void {
    if (this.state === "inactive") return;
    this.state = "inactive";
    queueMicrotask(() => {
      this.gives(7);
      this.dispatchEvent(new Event("stop"));
    });
  }
}

/** A track of a device. */
export class FakeTrack extends EventTarget {
  enabled = true;
  readyState: "live" | "ended" = "live";
  readonly kind: "video" | "audio";
  readonly label: string;
  readonly deviceId: string;
  constructor(kind: "video" | "audio", label: string, deviceId: string) {
    super();
    this.kind = kind;
    this.label = label;
    this.deviceId = deviceId;
  }
  getSettings(): MediaTrackSettings {
    return { deviceId: this.deviceId };
  }
  /** No event comes of it, as in browsers. */
  stop(): void {
    this.readyState = "ended";
  }
  /** Its device is pulled out. */
  isUnplugged(): void {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

/** A stream of such tracks. */
export class FakeStream {
  readonly #tracks: FakeTrack[];
  constructor(tracks: FakeTrack[]) {
    this.#tracks = tracks;
  }
  getTracks(): FakeTrack[] {
    return [...this.#tracks];
  }
  getVideoTracks(): FakeTrack[] {
    return this.#tracks.filter(({ kind }) => kind === "video");
  }
  getAudioTracks(): FakeTrack[] {
    return this.#tracks.filter(({ kind }) => kind === "audio");
  }
}

/** A stream with picture and sound, unless told otherwise. */
export function streamOf(...kinds: ("video" | "audio")[]): MediaStream {
  const tracks = (kinds.length > 0 ? kinds : (["video", "audio"] as const)).map((kind) => new FakeTrack(kind, kind, kind));
  return new FakeStream(tracks) as unknown as MediaStream;
}

/** A computer's cameras and microphones. */
export class FakeDevices extends EventTarget {
  plugged: { kind: "video" | "audio"; label: string; id: string }[] = [
    { kind: "video", label: "Front camera", id: "cam1" },
    { kind: "video", label: "Desk camera", id: "cam2" },
    { kind: "audio", label: "Headset", id: "mic1" },
  ];
  /** What `getUserMedia` throws, by kind. */
  refuses: Partial<Record<"video" | "audio", string>> = {};
  readonly given: FakeTrack[] = [];
  /** What each call waits for. */
  gate: Promise<void> = Promise.resolve();

  async getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream> {
    await this.gate;
    const tracks: FakeTrack[] = [];
    for (const kind of ["video", "audio"] as const) {
      const wanted = constraints[kind];
      if (!wanted) continue;
      const refusal = this.refuses[kind];
      if (refusal !== undefined) throw new DOMException("refused", refusal);
      const id = typeof wanted === "object" ? (wanted.deviceId as { exact?: string; ideal?: string } | undefined) : undefined;
      const all = this.plugged.filter((device) => device.kind === kind);
      if (all.length === 0) throw new DOMException("none", "NotFoundError");
      const found = all.find((device) => device.id === (id?.exact ?? id?.ideal));
      if (id?.exact !== undefined && found === undefined) throw new DOMException("deviceId", "OverconstrainedError");
      const device = found ?? all[0]!;
      tracks.push(new FakeTrack(kind, device.label, device.id));
    }
    this.given.push(...tracks);
    return new FakeStream(tracks) as unknown as MediaStream;
  }

  async getDisplayMedia(): Promise<MediaStream> {
    const track = new FakeTrack("video", "screen", "screen");
    this.given.push(track);
    return new FakeStream([track]) as unknown as MediaStream;
  }

  async enumerateDevices(): Promise<MediaDeviceInfo[]> {
    return this.plugged.map(({ kind, label, id }) => ({ kind: `${kind}input`, label, deviceId: id }) as MediaDeviceInfo);
  }

  /** Pulls a device out: its tracks end. */
  unplug(id: string): void {
    this.plugged = this.plugged.filter((device) => device.id !== id);
    for (const track of this.given) if (track.deviceId === id && track.readyState === "live") track.isUnplugged();
    this.dispatchEvent(new Event("devicechange"));
  }
}

/** A `sessionStorage`, empty. */
export class FakeStorage {
  readonly values = new Map<string, string>();
  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }
  removeItem(key: string): void {
    this.values.delete(key);
  }
}

/** What a test's server answers to a request. */
export type Answer = { status: number; body?: unknown; headers?: Record<string, string> };

/** A `fetch` that answers by the test's function, and remembers what was asked. */
export function fakeFetch(answer: (request: Request) => Answer | Promise<Answer>) {
  const requests: { method: string; path: string; authorization: string | null; body: string }[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    requests.push({
      method: request.method,
      path: new URL(request.url).pathname,
      authorization: request.headers.get("authorization"),
      body: await request.clone().text(),
    });
    const { status, body, headers } = await answer(request);
    return new Response(body === undefined ? null : JSON.stringify(body), {
      status,
      headers: { "content-type": status >= 400 ? "application/problem+json" : "application/json", ...headers },
    });
  };
  return { fetch: fetch as typeof globalThis.fetch, requests };
}

/** A problem as the API answers it. */
export function problem(status: number, type: string, headers: Record<string, string> = {}): Answer {
  return { status, body: { type, title: type, status, detail: `it is ${type}`, instance: "request-1" }, headers };
}
