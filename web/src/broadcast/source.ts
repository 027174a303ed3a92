/** What the preview shows and a broadcast records: the person's camera or screen, and microphone. */

export interface Device {
  id: string;
  name: string;
}

/** Which devices are wanted: an id, `""` for whichever the browser takes, `null` for none. */
export interface Choice {
  camera: string | null;
  microphone: string | null;
}

export type Kind = "camera" | "microphone" | "screen";

export type SourceState =
  | { name: "closed" }
  /** The browser asks whether the page may. */
  | { name: "asking" }
  | { name: "open" }
  | { name: "denied" }
  /** There is neither a camera nor a microphone. */
  | { name: "none" }
  /** Another program has it. */
  | { name: "busy" }
  /** Browsers give devices to https pages and localhost only. */
  | { name: "insecure" }
  | { name: "failed"; error: unknown };

/** The part of `navigator.mediaDevices` that is used; not there at all on an insecure page. */
export type Devices = Pick<MediaDevices, "getUserMedia" | "getDisplayMedia" | "enumerateDevices" | "addEventListener">;

/** The browser's classes and lists that a source needs; tests bring their own. */
export interface SourceBrowser {
  devices: Devices | undefined;
  MediaStream: new (tracks: MediaStreamTrack[]) => MediaStream;
}

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** Says `change` whenever a member did. What a request for devices gives after a later one was made is stopped again. */
export class Source extends EventTarget {
  readonly #browser: SourceBrowser;
  #state: SourceState = { name: "closed" };
  #choice: Choice;
  #cameras: Device[] = [];
  #microphones: Device[] = [];
  #video: MediaStreamTrack | null = null;
  #audio: MediaStreamTrack | null = null;
  #screen: MediaStreamTrack | null = null;
  #stream: MediaStream | null = null;
  #muted = false;
  #unplugged: { kind: "camera" | "microphone"; name: string; instead: string | null } | null = null;
  #turn = 0;
  #screenTurn = 0;

  constructor(browser: SourceBrowser, choice: Choice) {
    super();
    this.#browser = browser;
    this.#choice = choice;
    browser.devices?.addEventListener("devicechange", () => void this.#onDeviceChange());
  }

  get state(): SourceState {
    return this.#state;
  }

  /** What to record: another object whenever its tracks are others. `null` while there is nothing. */
  get stream(): MediaStream | null {
    return this.#stream;
  }

  get cameras(): readonly Device[] {
    return this.#cameras;
  }

  get microphones(): readonly Device[] {
    return this.#microphones;
  }

  get choice(): Readonly<Choice> {
    return this.#choice;
  }

  /** What is in use, by device id; `null` for none. */
  get inUse(): { camera: string | null; microphone: string | null } {
    return { camera: idOf(this.#video), microphone: idOf(this.#audio) };
  }

  get hasPicture(): boolean {
    return this.#video !== null || this.#screen !== null;
  }

  get hasSound(): boolean {
    return this.#audio !== null;
  }

  get sharing(): boolean {
    return this.#screen !== null;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** The device that was unplugged, and what took its place. */
  get unplugged() {
    return this.#unplugged;
  }

  /** The microphone sends silence. Nothing else changes, so a recording goes on. */
  set muted(muted: boolean) {
    this.#muted = muted;
    if (this.#audio !== null) this.#audio.enabled = !muted;
    this.#changed();
  }

  /** Asks for the devices of the choice. */
  async open(choice: Choice = this.#choice): Promise<void> {
    const turn = ++this.#turn;
    this.#choice = choice;
    const devices = this.#browser.devices;
    if (devices === undefined) {
      this.#to({ name: "insecure" });
      return;
    }
    if (this.#stream === null) this.#to({ name: "asking" });
    try {
      const [video, audio] = await this.#acquire(devices, choice);
      if (turn !== this.#turn) {
        for (const track of [video, audio]) if (track !== this.#video && track !== this.#audio) track?.stop();
        return;
      }
      await this.#take(video, audio);
    } catch (error) {
      if (turn === this.#turn) this.#refused(error);
    }
  }

  /** Another camera, or none. */
  useCamera(camera: string | null): Promise<void> {
    this.#unplugged = null;
    return this.open({ ...this.#choice, camera });
  }

  /** Another microphone, or none. */
  useMicrophone(microphone: string | null): Promise<void> {
    this.#unplugged = null;
    return this.open({ ...this.#choice, microphone });
  }

  /** Shows the screen, a window or a tab in place of the camera. Whether somebody chose one. */
  async shareScreen(): Promise<boolean> {
    const devices = this.#browser.devices;
    if (devices === undefined) return false;
    const turn = ++this.#screenTurn;
    let track: MediaStreamTrack | undefined;
    try {
      track = (await devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: false })).getVideoTracks()[0];
    } catch {
      // To choose none is an answer, too.
      return false;
    }
    if (track === undefined || turn !== this.#screenTurn) {
      track?.stop();
      return false;
    }
    const screen = track;
    // The browser has its own button for that.
    screen.addEventListener("ended", () => {
      if (this.#screen === screen) this.stopSharing();
    });
    const before = this.#screen;
    this.#screen = screen;
    this.#renew();
    before?.stop();
    return true;
  }

  /** Back to the camera. */
  stopSharing(): void {
    this.#screenTurn += 1;
    const before = this.#screen;
    this.#screen = null;
    if (before === null) return;
    this.#renew();
    before.stop();
  }

  /** Lets go of all devices. */
  close(): void {
    this.#turn += 1;
    this.#screenTurn += 1;
    for (const track of [this.#video, this.#audio, this.#screen]) track?.stop();
    this.#video = this.#audio = this.#screen = this.#stream = null;
    this.#to({ name: "closed" });
  }

  async #acquire(devices: Devices, { camera, microphone }: Choice): Promise<[MediaStreamTrack | null, MediaStreamTrack | null]> {
    const heldVideo = this.#held(this.#video, camera);
    const heldAudio = this.#held(this.#audio, microphone);
    const wantVideo = camera !== null && heldVideo === null;
    const wantAudio = microphone !== null && heldAudio === null;
    if (!wantVideo && !wantAudio) return [heldVideo, heldAudio];
    const asked = async (video: boolean, audio: boolean, exact: boolean) => {
      const stream = await devices.getUserMedia({
        video: video && { ...PICTURE, ...only(camera, exact) },
        audio: audio && { echoCancellation: true, noiseSuppression: true, ...only(microphone, exact) },
      });
      return [stream.getVideoTracks()[0] ?? heldVideo, stream.getAudioTracks()[0] ?? heldAudio] as [
        MediaStreamTrack | null,
        MediaStreamTrack | null,
      ];
    };
    let first: unknown;
    try {
      return await asked(wantVideo, wantAudio, true);
    } catch (error) {
      first = error;
    }
    if (isNamed(first, "OverconstrainedError")) {
      // The remembered one is not plugged in.
      try {
        return await asked(wantVideo, wantAudio, false);
      } catch (error) {
        first = error;
      }
    }
    // One of the two may be missing, in use or forbidden: the other will do.
    if (!wantVideo || !wantAudio) throw first;
    for (const video of [false, true]) {
      try {
        return await asked(video, !video, false);
      } catch {
        // The first error says it.
      }
    }
    throw first;
  }

  /** The track, if it is of the wanted device already. */
  #held(track: MediaStreamTrack | null, wanted: string | null): MediaStreamTrack | null {
    if (track === null || wanted === null || track.readyState === "ended") return null;
    return wanted === "" || wanted === idOf(track) ? track : null;
  }

  async #take(video: MediaStreamTrack | null, audio: MediaStreamTrack | null): Promise<void> {
    const old = [this.#video, this.#audio].filter((track) => track !== null && track !== video && track !== audio);
    if (video !== this.#video) video?.addEventListener("ended", () => void this.#onEnded("camera", video));
    if (audio !== this.#audio) audio?.addEventListener("ended", () => void this.#onEnded("microphone", audio));
    this.#video = video;
    this.#audio = audio;
    if (this.#unplugged?.instead === null && (this.#unplugged.kind === "camera" ? video : audio) !== null) this.#unplugged = null;
    if (audio !== null) audio.enabled = !this.#muted;
    this.#state = { name: "open" };
    await this.#list();
    // First whoever records takes the new ones, and then the old ones end: a recorder falls silent where a track of its ends.
    this.#renew();
    for (const track of old) track?.stop();
  }

  #refused(error: unknown): void {
    if (this.#stream !== null) {
      // What was there before goes on.
      this.#changed();
      return;
    }
    if (isNamed(error, "NotAllowedError", "SecurityError")) this.#to({ name: "denied" });
    else if (isNamed(error, "NotFoundError", "OverconstrainedError")) this.#to({ name: "none" });
    else if (isNamed(error, "NotReadableError", "AbortError")) this.#to({ name: "busy" });
    else this.#to({ name: "failed", error });
  }

  /** A track that ends by itself: its device was unplugged, or is forbidden from now on. */
  async #onEnded(kind: "camera" | "microphone", track: MediaStreamTrack): Promise<void> {
    if (track !== (kind === "camera" ? this.#video : this.#audio)) return;
    const { label } = track;
    const turn = ++this.#turn;
    const devices = this.#browser.devices;
    let instead: MediaStreamTrack | null = null;
    try {
      const stream = await devices?.getUserMedia(kind === "camera" ? { video: PICTURE } : { audio: true });
      instead = stream?.getTracks()[0] ?? null;
    } catch {
      // There is no other one.
    }
    if (turn !== this.#turn) {
      instead?.stop();
      return;
    }
    this.#unplugged = { kind, name: label, instead: instead?.label ?? null };
    await this.#take(kind === "camera" ? instead : this.#video, kind === "camera" ? this.#audio : instead);
    if (this.#stream === null) this.#to({ name: "none" });
  }

  async #onDeviceChange(): Promise<void> {
    await this.#list();
    this.#changed();
    const { camera, microphone } = this.#choice;
    const missing =
      (camera !== null && this.#video === null && this.#cameras.length > 0) ||
      (microphone !== null && this.#audio === null && this.#microphones.length > 0);
    // What is plugged in (again) is taken up where there is nothing of the kind.
    if (missing && ["open", "none", "busy"].includes(this.#state.name)) await this.open();
  }

  async #list(): Promise<void> {
    const all = (await this.#browser.devices?.enumerateDevices().catch(() => null)) ?? [];
    const named = (kind: MediaDeviceKind, word: string) =>
      all
        .filter((device) => device.kind === kind && device.deviceId !== "")
        .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `${word} ${index + 1}` }));
    this.#cameras = named("videoinput", "Camera");
    this.#microphones = named("audioinput", "Microphone");
  }

  #renew(): void {
    const tracks = [this.#screen ?? this.#video, this.#audio].filter((track) => track !== null);
    const same = this.#stream !== null && tracks.length === this.#stream.getTracks().length && tracks.every((track) => this.#stream?.getTracks().includes(track));
    if (!same) this.#stream = tracks.length === 0 ? null : new this.#browser.MediaStream(tracks);
    this.#changed();
  }

  #to(state: SourceState): void {
    this.#state = state;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

function only(id: string | null, exact: boolean): MediaTrackConstraints {
  return id ? { deviceId: exact ? { exact: id } : { ideal: id } } : {};
}

function idOf(track: MediaStreamTrack | null): string | null {
  return track?.getSettings().deviceId ?? (track === null ? null : "");
}

function isNamed(error: unknown, ...names: string[]): boolean {
  return error instanceof Error || error instanceof DOMException ? names.includes(error.name) : false;
}
