import type { Broadcast } from "./broadcast";
import type { EndReason } from "./protocol";
import type { Source } from "./source";
import type { NoticeName, StateName } from "./states";

/** The channel, as far as the page knows it. */
export type ChannelState =
  | { name: "loading" }
  | { name: "unnamed" }
  | { name: "missing" }
  | { name: "foreign"; owner: string }
  | { name: "own"; isPrivate: boolean }
  | { name: "failed" };

/** Everything that the page's state follows from. */
export interface Facts {
  /** Neither devices nor what sign-in needs of cryptography is there on an insecure page. */
  secure: boolean;
  signedIn: boolean;
  channel: ChannelState;
  source: Pick<Source, "state" | "hasPicture" | "hasSound" | "muted" | "unplugged" | "stream">;
  /** Whether the browser records a type that the servers take. */
  records: boolean;
  recordsH264: boolean;
  broadcast: Pick<Broadcast, "state" | "trouble"> | null;
  /** A broadcast that may be gone on with. */
  resumable: boolean;
  hidden: boolean;
  online: boolean;
  starving: boolean;
  now: number;
}

/** The one state that the page shows. What is on air comes before all else. */
export function stateOf(facts: Facts): StateName {
  const { channel, source, broadcast } = facts;
  const live = broadcast === null ? null : ofBroadcast(broadcast.state);
  if (live !== null && live !== "ended" && live !== "key-refused" && live !== "failed") return live;
  if (channel.name === "unnamed") return "no-channel";
  if (!facts.secure) return "insecure";
  if (!facts.signedIn) return "signed-out";
  if (live !== null) return live;
  switch (channel.name) {
    case "loading":
      return "loading";
    case "missing":
      return "channel-missing";
    case "foreign":
      return "not-owner";
    case "failed":
      return "failed";
    case "own":
      break;
  }
  if (!facts.records) return source.state.name === "insecure" ? "insecure" : "unsupported";
  // A shared screen does without a camera.
  if (source.stream === null) {
    switch (source.state.name) {
      case "closed":
        return "loading";
      case "asking":
        return "asking";
      case "denied":
        return "denied";
      case "none":
      case "open":
        return "no-device";
      case "busy":
        return "device-busy";
      case "insecure":
        return "insecure";
      case "failed":
        return "failed";
    }
  }
  if (facts.resumable) return "resumable";
  return source.hasPicture ? "ready" : "ready-sound-only";
}

/** What else to say, the most important first. */
export function noticesOf(facts: Facts): NoticeName[] {
  const { source, broadcast } = facts;
  const active = broadcast !== null && !["idle", "ended", "failed"].includes(broadcast.state.name);
  const notices: NoticeName[] = [];
  const add = (name: NoticeName, when: boolean) => when && notices.push(name);
  add("offline", !facts.online);
  if (source.unplugged !== null) {
    add(`${source.unplugged.kind}-${source.unplugged.instead === null ? "unplugged" : "replaced"}`, true);
  }
  add("muted", source.muted && source.hasSound);
  add("no-microphone", source.stream !== null && !source.hasSound && source.unplugged?.kind !== "microphone");
  add("no-camera", active && !source.hasPicture && source.unplugged?.kind !== "camera");
  add("slow", active && broadcast.trouble.slowedTo !== null);
  add("starving", active && facts.starving && broadcast.trouble.slowedTo === null);
  add("recorder-replaced", active && broadcast.trouble.recorderReplacedUntil > facts.now);
  add("no-h264", source.stream !== null && facts.records && !facts.recordsH264);
  add("hidden", active && facts.hidden);
  return notices;
}

/** How well the broadcast gets through, of what is known of it. */
export type BroadcastHealth = "good" | "unsteady" | "poor";

export function healthOf(figures: { bufferedBytes: number; bitrate: number; bufferedMs: number; droppedLately: number; starving: boolean }): BroadcastHealth {
  const lateSeconds = (figures.bufferedBytes * 8) / figures.bitrate + figures.bufferedMs / 1000;
  if (figures.starving || lateSeconds > 3 || figures.droppedLately > 15) return "poor";
  return lateSeconds > 1 || figures.droppedLately > 0 ? "unsteady" : "good";
}

/** `1:02:03` or `2:03` of milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `2.5 Mbit/s` or `400 kbit/s` of bits a second. */
export function rate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1_000_000 ? `${Number((bitsPerSecond / 1_000_000).toFixed(1))} Mbit/s` : `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}

function ofBroadcast(state: Broadcast["state"]): StateName | null {
  switch (state.name) {
    case "idle":
      return null;
    case "connecting":
      return `connecting-${state.waitsFor}`;
    case "reconnecting":
      return state.noRoom ? "no-room" : "reconnecting";
    case "ended":
      return (state.reason satisfies EndReason) === "key-refused" ? "key-refused" : "ended";
    default:
      return state.name;
  }
}
