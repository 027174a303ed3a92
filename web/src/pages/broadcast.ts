import { apiClient, nobody, ok } from "../api";
import { Audience } from "../broadcast/audience";
import { Broadcast } from "../broadcast/broadcast";
import { LevelMeter } from "../broadcast/level";
import { mimeTypeFor } from "../broadcast/recording";
import { BITRATES, rememberBroadcast, rememberedBroadcast, rememberedSettings, rememberSettings } from "../broadcast/remembered";
import { Source, type Device } from "../broadcast/source";
import { END_REASONS, howToAllow, NOTICES, STATES, type StateName } from "../broadcast/states";
import { broadcastOf } from "../broadcast/tickets";
import { duration, healthOf, noticesOf, rate, stateOf, type ChannelState, type Facts } from "../broadcast/view";
import { systemClock } from "../clock";
import { fill } from "../fill";
import { problemOf, type Problem } from "../problem";
import { follow, pushedChannel } from "../watch/pushed";
import { StreamService } from "../watch/service";
import { startChat } from "./chat";
import { drawIfChanged, h } from "./dom";
import { copyText, element, fold, nameInPath, showState, startPage, viewersText, type Page } from "./page";

const video = element<HTMLVideoElement>("preview");
const go = element<HTMLButtonElement>("go");
const other = element<HTMLButtonElement>("other");
const cameras = element<HTMLSelectElement>("camera");
const microphones = element<HTMLSelectElement>("microphone");
const bitrates = element<HTMLSelectElement>("bitrate");

/** Each state's buttons: the first is the one that people want. */
interface Action {
  label: string;
  run: () => void;
}

async function main(page: Page): Promise<void> {
  const { api, signIn } = page;
  const name = nameInPath();
  const settings = rememberedSettings(localStorage);
  const source = new Source({ devices: navigator.mediaDevices as MediaDevices | undefined, MediaStream }, settings.choice);
  let broadcast: Broadcast | null = null;
  let audience: Audience | null = null;
  let channel: ChannelState = name === null ? { name: "unnamed" } : { name: "loading" };
  let channelProblem: Problem | null = null;
  let resumable: string | null = null;
  let meter: LevelMeter | null = null;
  let droppedBefore = { at: 0, frames: 0 };
  let droppedLately = 0;

  const facts = (): Facts => ({
    secure: isSecureContext,
    signedIn: signIn.user !== null,
    channel,
    source,
    records: records(source.stream),
    recordsH264: typeof MediaRecorder !== "undefined" && MediaRecorder.isTypeSupported("video/webm;codecs=h264"),
    broadcast,
    resumable: resumable !== null,
    hidden: document.hidden,
    online: navigator.onLine,
    starving: audience?.health === "STARVING",
    now: Date.now(),
  });

  const actionsOf = (state: StateName): Action[] => {
    const live = (label: string, takeOver = false): Action => ({ label, run: () => goLive(takeOver) });
    const end = (label: string): Action => ({ label, run: () => broadcast?.stop() });
    switch (state) {
      case "signed-out":
        return [{ label: "Sign in", run: () => void signIn.begin(location.pathname) }];
      case "channel-missing":
        return [{ label: "Create the channel", run: () => void loadChannel(true) }];
      case "denied":
      case "device-busy":
        return [{ label: "Try again", run: () => void source.open() }];
      case "no-device":
        return [{ label: "Look again", run: () => void source.open() }];
      case "ready":
      case "ready-sound-only":
        return [live("Go live")];
      case "resumable":
        return [{ label: "Go on", run: () => void resume() }, live("Begin a new one", true)];
      case "ended":
      case "key-refused":
        return source.stream === null ? [] : [live("Go live again")];
      case "failed":
        return channelProblem === null ? [live("Try again")] : [{ label: "Try again", run: () => void loadChannel(false) }];
      case "on-air-elsewhere":
        return [live("Take over", true), end("Leave it")];
      case "no-server":
      case "no-room":
      case "reconnecting":
        return [{ label: "Try now", run: () => broadcast?.retryNow() }, end(state === "no-server" ? "Cancel" : "End broadcast")];
      case "ticket":
      case "connecting-server":
      case "connecting-ingest":
      case "connecting-media":
        return [end("Cancel")];
      case "live":
      case "moving":
      case "ingest-lost":
        return [end("End broadcast")];
      default:
        return [];
    }
  };

  const goLive = (takeOver: boolean) => {
    resumable = null;
    if (broadcast === null || source.stream === null) return;
    broadcast.stream = source.stream;
    broadcast.goLive(takeOver);
  };

  const resume = async () => {
    if (broadcast === null || resumable === null) return;
    const id = resumable;
    resumable = null;
    broadcast.stream = source.stream;
    const view = await broadcastOf(api, id).catch(() => null);
    broadcast.resume(id, view?.liveAt ?? null);
  };

  const loadChannel = async (create: boolean) => {
    const user = signIn.user;
    if (name === null || user === null) {
      render();
      return;
    }
    channelProblem = null;
    channel = { name: "loading" };
    render();
    try {
      const params = { path: { channel: name } };
      const found = await ok(create ? api.PUT("/channels/{channel}", { params, body: {} }) : api.GET("/channels/{channel}", { params }));
      channel = found.owner === user.id ? { name: "own", isPrivate: found.private } : { name: "foreign", owner: found.owner };
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 404 && !create) channel = { name: "missing" };
      else {
        channelProblem = problem;
        channel = { name: "failed" };
      }
    }
    if (channel.name === "own") await enter(name, channel.isPrivate);
    render();
  };

  const enter = async (name: string, isPrivate: boolean) => {
    if (broadcast === null) {
      broadcast = new Broadcast(api, { WebSocket, MediaRecorder: globalThis.MediaRecorder, clock: systemClock, random: Math.random }, name, settings.bitrate);
      audience = new Audience(apiClient(page.config.api, nobody), api, systemClock, name, isPrivate);
      broadcast.addEventListener("change", onBroadcast);
      audience.addEventListener("change", render);
      chat(page, name, audience);
      const before = rememberedBroadcast(sessionStorage, name);
      if (before !== null) {
        const view = await broadcastOf(api, before).catch(() => null);
        if (view !== null && view.state !== "ended" && view.state !== "waiting") resumable = before;
        else rememberBroadcast(sessionStorage, name, null);
      }
    }
    if (source.state.name === "closed") await source.open();
  };

  const onBroadcast = () => {
    if (broadcast !== null && name !== null && broadcast.state.name !== "idle" && resumable === null) {
      rememberBroadcast(sessionStorage, name, broadcast.id);
    }
    if (broadcast?.liveSince != null && broadcast.active) audience?.start();
    else audience?.stop();
    render();
  };

  const render = () => {
    const now = facts();
    const state = stateOf(now);
    showState(state);
    const values: Record<string, string | number> = {
      channel: name ?? "",
      owner: channel.name === "foreign" ? channel.owner : "",
      localhost: `http://localhost:${location.port || 80}`,
      howToAllow: howToAllow(navigator.userAgent),
      attempt: broadcast?.state.name === "reconnecting" || broadcast?.state.name === "ingest-lost" ? broadcast.state.attempt : "",
      reason: broadcast?.state.name === "ended" ? endText(broadcast.state.reason, broadcast.state.liveMs, audience?.most ?? 0) : "",
      problem: problemNow()?.message ?? "",
    };
    setText("state-title", fill(STATES[state].title, values));
    setText("state-text", fill(STATES[state].text, values));
    document.title = `${broadcast?.state.name === "live" ? "● " : ""}${fill(STATES[state].title.replace(/[“”]/g, ""), values)} · Greenroom`;
    showDetails(state);
    showActions(actionsOf(state));
    showNotices(now);
    showDevices();
    showPreview();
    showNumbers();
    element("name-form").hidden = state !== "no-channel" && state !== "not-owner";
    element("share").hidden = channel.name !== "own";
  };

  const problemNow = (): Problem | null => {
    if (broadcast?.state.name === "failed") return broadcast.state.problem;
    if (channelProblem !== null) return channelProblem;
    return source.state.name === "failed" ? problemOf(source.state.error) : null;
  };

  /** What can be copied into a complaint. */
  const showDetails = (state: StateName) => {
    const ended = broadcast?.state.name === "ended" ? broadcast.state.detail : null;
    const text = state === "failed" ? (problemNow()?.report ?? "") : (state === "ended" || state === "key-refused") && ended !== null ? ended : "";
    drawIfChanged(element("problem"), text, () => (text === "" ? [] : [fold(text)]));
  };

  let actions: Action[] = [];
  const showActions = (list: Action[]) => {
    actions = list;
    for (const [button, action] of [
      [go, list[0]],
      [other, list[1]],
    ] as const) {
      button.hidden = action === undefined;
      if (action !== undefined && button.textContent !== action.label) button.textContent = action.label;
    }
  };
  go.addEventListener("click", () => actions[0]?.run());
  other.addEventListener("click", () => actions[1]?.run());

  const showNotices = (now: Facts) => {
    const names = noticesOf(now);
    document.body.dataset.notices = names.join(" ");
    const texts = names.map((notice) =>
      fill(NOTICES[notice], {
        device: source.unplugged?.name ?? "",
        instead: source.unplugged?.instead ?? "",
        wanted: rate(broadcast?.bitrate ?? 0),
        used: rate(broadcast?.trouble.slowedTo ?? 0),
      }),
    );
    // What has not changed is not said again.
    drawIfChanged(element("notices"), texts, () => texts.map((text) => h("div", { class: "notice warn" }, h("p", {}, text))));
  };

  const showDevices = () => {
    options(cameras, source.cameras, source.inUse.camera, "No camera", "Allowed first");
    options(microphones, source.microphones, source.inUse.microphone, "No microphone", "Allowed first");
    const mute = element<HTMLButtonElement>("mute");
    mute.disabled = !source.hasSound;
    mute.ariaPressed = String(source.muted);
    const screen = element<HTMLButtonElement>("screen");
    screen.ariaPressed = String(source.sharing);
    screen.textContent = source.sharing ? "Stop sharing" : "Share screen";
    screen.hidden = !("getDisplayMedia" in (navigator.mediaDevices ?? {}));
  };

  const showPreview = () => {
    if (video.srcObject !== source.stream) {
      video.srcObject = source.stream;
      try {
        meter ??= source.stream === null ? null : new LevelMeter();
        meter?.listen(source.stream);
      } catch {
        // No meter, then.
      }
    }
    // As in a mirror; not what is read from a screen.
    video.classList.toggle("mirrored", !source.sharing);
    element("no-picture").hidden = source.hasPicture;
    const onAir = broadcast?.state.name;
    element("on-air").hidden = onAir !== "live" && onAir !== "moving";
  };

  const showNumbers = () => {
    const since = broadcast?.liveSince ?? null;
    const state = broadcast?.state;
    element("numbers").hidden = since === null || state === undefined || !broadcast?.active;
    const countdown = element("countdown");
    const retryAt = state?.name === "reconnecting" || state?.name === "no-server" ? state.retryAt : null;
    countdown.hidden = retryAt === null;
    if (retryAt !== null) countdown.textContent = `Next attempt in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s`;
    if (broadcast === null || since === null) return;
    const { stats } = broadcast;
    if (stats !== null && Date.now() - droppedBefore.at > 5000) {
      droppedLately = Math.max(0, stats.droppedFrames - droppedBefore.frames);
      droppedBefore = { at: Date.now(), frames: stats.droppedFrames };
    }
    const health = healthOf({
      bufferedBytes: broadcast.bufferedBytes,
      bitrate: broadcast.trouble.slowedTo ?? broadcast.bitrate,
      bufferedMs: stats?.bufferedMs ?? 0,
      droppedLately,
      starving: audience?.health === "STARVING",
    });
    setText("time", duration(Date.now() - since));
    setText("viewers", String(audience?.viewers ?? "–"));
    setText("sent", stats === null ? "–" : `${Math.round(stats.sentKbps)} kbit/s`);
    setText("dropped", stats === null ? "–" : `${stats.droppedFrames} frames`);
    setText("health", stats === null ? "–" : health);
    element("health").dataset.health = stats === null ? "" : health;
  };

  const save = () => rememberSettings(localStorage, { choice: source.choice, bitrate: Number(bitrates.value) });

  for (const one of BITRATES) bitrates.add(new Option(rate(one), String(one), false, one === settings.bitrate));
  bitrates.addEventListener("change", () => {
    if (broadcast !== null) broadcast.bitrate = Number(bitrates.value);
    save();
  });
  cameras.addEventListener("change", () => void source.useCamera(cameras.value === "none" ? null : cameras.value).then(save));
  microphones.addEventListener("change", () => void source.useMicrophone(microphones.value === "none" ? null : microphones.value).then(save));
  element("mute").addEventListener("click", () => (source.muted = !source.muted));
  element("screen").addEventListener("click", () => (source.sharing ? source.stopSharing() : void source.shareScreen()));
  element("name-form").addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`/broadcast/${encodeURIComponent(element<HTMLInputElement>("name").value)}`);
  });

  const watchUrl = `${location.origin}/watch/${encodeURIComponent(name ?? "")}`;
  element<HTMLInputElement>("watch-url").value = watchUrl;
  element<HTMLAnchorElement>("watch").href = watchUrl;
  const copy = element<HTMLButtonElement>("copy");
  copy.addEventListener("click", () => void copyText(watchUrl, copy));
  if (name !== null) setText("title", name);

  document.addEventListener("keydown", (event) => {
    if (!event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey) return;
    const control = document.querySelector<HTMLElement>(`[data-key="${CSS.escape(event.code)}"]`);
    if (control === null || control.hidden || control.matches(":disabled")) return;
    event.preventDefault();
    if (control instanceof HTMLButtonElement) control.click();
    else control.focus();
  });

  source.addEventListener("change", () => {
    if (broadcast !== null && source.stream !== null) broadcast.stream = source.stream;
    render();
  });
  signIn.addEventListener("change", render);
  document.addEventListener("visibilitychange", render);
  document.addEventListener("pointerdown", () => meter?.wake());
  window.addEventListener("offline", render);
  window.addEventListener("online", () => {
    broadcast?.retryNow();
    render();
  });
  window.addEventListener("beforeunload", (event) => {
    if (broadcast?.active) event.preventDefault();
  });
  // Whoever leaves was asked, and means it. A tab that crashes says nothing: its broadcast can be gone on with.
  window.addEventListener("pagehide", () => {
    broadcast?.leave();
    source.close();
  });
  // Back from the browser's cache, with devices that are closed.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  setInterval(showNumbers, 1000);
  const bar = element("level-bar");
  const meterElement = element("level");
  const showLevel = () => {
    const level = source.muted ? 0 : (meter?.level() ?? 0);
    bar.style.setProperty("--level", level.toFixed(3));
    meterElement.ariaValueNow = String(Math.round(level * 100));
    requestAnimationFrame(showLevel);
  };
  showLevel();
  render();
  await loadChannel(false);
}

/** The chat with who watches, and with it what is pushed of the channel. */
function chat(page: Page, channel: string, audience: Audience): void {
  const { api, config, signIn } = page;
  const service = new StreamService(apiClient(config.api, nobody), api, channel, () => signIn.user !== null, () => Date.now());
  const pushed = pushedChannel(service, audience, systemClock, Math.random);
  const panel = startChat(page, channel, (event) => pushed.push(event));
  panel.addEventListener("change", () => follow(pushed, panel));
  element("chat-place").hidden = false;
  panel.open();
}

/** Whether the browser records the stream, or any, in a way that the servers take. */
function records(stream: MediaStream | null): boolean {
  if (typeof MediaRecorder === "undefined") return false;
  const isTypeSupported = (type: string) => MediaRecorder.isTypeSupported(type);
  return stream === null ? isTypeSupported("video/webm") : mimeTypeFor(stream, isTypeSupported) !== null;
}

function endText(reason: keyof typeof END_REASONS, liveMs: number, most: number): string {
  const why = END_REASONS[reason] ?? "";
  return liveMs === 0 ? why : `${why} It was live for ${duration(liveMs)}, with ${viewersText(most)} at most.`;
}

/** Sets the text of an element, unless it is there: a live region would say it again. */
function setText(id: string, text: string): void {
  const found = element(id);
  if (found.textContent !== text) found.textContent = text;
}

function options(select: HTMLSelectElement, devices: readonly Device[], inUse: string | null, none: string, unknown: string): void {
  const wanted = [...devices.map(({ id, name }) => [id, name] as const), ["none", none] as const];
  if (inUse !== null && !devices.some(({ id }) => id === inUse)) wanted.unshift([inUse, unknown]);
  drawIfChanged(select, wanted, () => wanted.map(([value, text]) => new Option(text, value)));
  select.value = inUse ?? "none";
}

await main(await startPage());
