import { apiClient, nobody } from "../api";
import { systemClock } from "../clock";
import { iframeOf, shareUrl } from "../watch/embed";
import { HlsPlayer } from "../watch/hls-player";
import { NativePlayer } from "../watch/native-player";
import type { Player, PlayerListener } from "../watch/player";
import { follow, pushedChannel } from "../watch/pushed";
import { StreamService } from "../watch/service";
import { textOf, type WatchStateName } from "../watch/states";
import { Watching } from "../watch/watching";
import { startChat } from "./chat";
import { copyText, element, fold, nameInPath, showState, startPage, timeOfDay, viewersText } from "./page";

const embedded = new URLSearchParams(location.search).has("embed");
document.body.classList.toggle("embedded", embedded);

const page = await startPage();
const channel = nameInPath();
const video = element<HTMLVideoElement>("video");

if (channel === null) show("not-found", "");
else if (!HlsPlayer.isSupported() && !NativePlayer.isSupported(video)) show("unplayable", channel);
else watch(channel);

function show(state: WatchStateName, channel: string, endedAt: number | null = null, mayComeBack = false): void {
  const time = endedAt === null ? "" : timeOfDay(endedAt);
  const { title, text } = textOf(state, { channel, time, mayComeBack });
  element("state-title").textContent = title;
  element("state-text").textContent = text;
  // The picture is seen; in all other states a text lies over it.
  element("over").hidden = state === "live";
  element("play").hidden = state !== "blocked";
  element("over-sign-in").hidden = state !== "private" || page.signIn.user !== null;
  element("again").hidden = state !== "unreachable" && state !== "reconnecting";
  element("on-air").hidden = !["live", "buffering", "blocked", "loading"].includes(state);
  const spoken = state === "live" ? title : `${title}. ${text}`;
  if (element("announcer").textContent !== spoken) element("announcer").textContent = spoken;
  showState(state);
}

function watch(channel: string): void {
  element("title").textContent = channel;
  document.title = `${channel} · Greenroom`;
  const service = new StreamService(
    apiClient(page.config.api, nobody),
    page.api,
    channel,
    () => page.signIn.user !== null,
    () => Date.now(),
  );
  let hls: HlsPlayer | null = null;
  const makePlayer = (listener: PlayerListener): Player =>
    HlsPlayer.isSupported() ? (hls = new HlsPlayer(video, listener)) : new NativePlayer(video, listener);
  const watching = new Watching(service, makePlayer, systemClock);

  const draw = () => {
    show(watching.state, channel, watching.endedAt, watching.mayComeBack);
    const viewers = watching.stream?.viewerCount ?? null;
    element("viewers").hidden = viewers === null || watching.stream?.state !== "live";
    element("viewers").textContent = viewers === null ? "" : viewersText(viewers);
    const { latency, behind } = watching;
    element("delay").textContent = latency === null ? "" : `${latency.toFixed(1)} s behind`;
    element("to-live").hidden = !behind && !video.paused;
    element("details").replaceChildren(...(watching.state === "unreachable" && watching.problem ? [fold(watching.problem.report)] : []));
  };
  watching.addEventListener("change", draw);
  // In somebody else's page there is room for the picture alone.
  if (!embedded) chat(channel, service, watching);

  element("play").addEventListener("click", () => {
    video.muted = false;
    watching.play();
  });
  element("over-sign-in").addEventListener("click", () => void page.signIn.begin(location.pathname + location.search));
  element("again").addEventListener("click", () => watching.retryNow());
  page.signIn.addEventListener("change", () => watching.askNow());
  addEventListener("online", () => watching.retryNow());
  controls(watching, () => hls);
  share(channel);
  watching.start();
}

/** The chat, and with it what is pushed of the channel: for those who are signed in, once it is known that the channel is there. */
function chat(channel: string, service: StreamService, watching: Watching): void {
  const pushed = pushedChannel(service, watching, systemClock, Math.random);
  const panel = startChat(page, channel, (event) => pushed.push(event));
  panel.addEventListener("change", () => follow(pushed, panel));
  watching.addEventListener("change", () => {
    element("chat").hidden = watching.state === "not-found";
    if (watching.stream !== null && page.signIn.user !== null) panel.open();
  });
}

function controls(watching: Watching, hls: () => HlsPlayer | null): void {
  const pause = element("pause");
  const mute = element("mute");
  const volume = element<HTMLInputElement>("volume");
  const togglePause = () => (video.paused ? watching.play() : video.pause());
  const toggleMute = () => (video.muted = !video.muted);
  const toLive = () => watching.goToLive();
  const full = () => void (document.fullscreenElement ? document.exitFullscreen() : element("player").requestFullscreen()).catch(() => {});
  const pip = () => void (document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture()).catch(() => {});

  pause.addEventListener("click", togglePause);
  mute.addEventListener("click", toggleMute);
  element("to-live").addEventListener("click", toLive);
  element("full").addEventListener("click", full);
  element("pip").addEventListener("click", pip);
  element("full").hidden = !document.fullscreenEnabled;
  element("pip").hidden = !document.pictureInPictureEnabled;
  const showPause = () => (pause.textContent = video.paused ? "Play" : "Pause");
  for (const event of ["play", "pause", "emptied"]) video.addEventListener(event, showPause);
  showPause();

  const stored = Number(localStorage.getItem("greenroom.volume") ?? 1);
  video.volume = stored >= 0 && stored <= 1 ? stored : 1;
  const showVolume = () => {
    mute.setAttribute("aria-pressed", String(video.muted));
    volume.value = String(Math.round(100 * (video.muted ? 0 : video.volume)));
    localStorage.setItem("greenroom.volume", String(video.volume));
  };
  const setVolume = (to: number) => {
    video.muted = false;
    video.volume = Math.min(1, Math.max(0, to));
  };
  video.addEventListener("volumechange", showVolume);
  volume.addEventListener("input", () => setVolume(Number(volume.value) / 100));
  showVolume();

  const quality = element<HTMLSelectElement>("quality");
  const player = hls();
  if (player !== null) {
    player.onTracks = () => {
      const { qualities } = player;
      element("quality-field").hidden = qualities.length === 0;
      quality.replaceChildren(new Option("Automatic", "-1"), ...qualities.map(({ level, label }) => new Option(label, String(level))));
      quality.value = String(player.quality);
    };
    quality.addEventListener("change", () => (player.quality = Number(quality.value)));
  }

  const captions = element("captions");
  const tracks = () => [...video.textTracks].filter(({ kind }) => kind === "captions" || kind === "subtitles");
  const showCaptions = () => {
    captions.hidden = tracks().length === 0;
    captions.setAttribute("aria-pressed", String(tracks().some(({ mode }) => mode === "showing")));
  };
  const toggleCaptions = () => {
    const [first] = tracks();
    const on = tracks().some(({ mode }) => mode === "showing");
    for (const track of tracks()) track.mode = !on && track === first ? "showing" : "disabled";
    showCaptions();
  };
  for (const event of ["addtrack", "removetrack", "change"]) video.textTracks.addEventListener(event, showCaptions);
  captions.addEventListener("click", toggleCaptions);

  const keys: Record<string, () => void> = {
    k: togglePause,
    m: toggleMute,
    l: toLive,
    f: full,
    p: pip,
    c: toggleCaptions,
    t: () => element("chat-text").focus(),
    ArrowUp: () => setVolume(video.volume + 0.1),
    ArrowDown: () => setVolume(video.volume - 0.1),
  };
  document.addEventListener("keydown", (event) => {
    // A key of the browser's, or one that a field wants.
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).matches("input, select, textarea")) return;
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}

function share(channel: string): void {
  for (const [field, copy, text] of [
    ["share-url", "copy-url", shareUrl(location.origin, channel)],
    ["share-frame", "copy-frame", iframeOf(location.origin, channel)],
  ] as const) {
    element<HTMLInputElement>(field).value = text;
    element<HTMLInputElement>(field).addEventListener("focus", (event) => (event.target as HTMLInputElement).select());
    element(copy).addEventListener("click", () => void copyText(text, element<HTMLButtonElement>(copy)));
  }
}
