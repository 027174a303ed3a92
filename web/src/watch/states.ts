import { fill } from "../fill";

/** What the player page can be in: `document.body.dataset.state`. */
export type WatchStateName =
  | "looking"
  | "not-found"
  | "private"
  | "waiting"
  | "loading"
  | "live"
  | "blocked"
  | "buffering"
  | "reconnecting"
  | "ended"
  | "unplayable"
  | "unreachable";

/** What people read in a state: what is, and what to do. */
export interface StateText {
  title: string;
  /** `{time}` and `{channel}` are filled in. */
  text: string;
}

export const STATE_TEXTS: Record<WatchStateName, StateText> = {
  looking: { title: "One moment", text: "Looking for the channel." },
  "not-found": { title: "No such channel", text: "There is no channel “{channel}”. Look for a typing error in the address." },
  private: {
    title: "Not open to everybody",
    text: "There is no public channel “{channel}”. If it is a private one, sign in to watch it, or ask its owner.",
  },
  waiting: { title: "Not on air", text: "Nobody is broadcasting yet. Stay on this page: it begins by itself." },
  loading: { title: "On air", text: "The picture is on its way." },
  live: { title: "On air", text: "" },
  blocked: { title: "Ready to play", text: "Your browser starts no sound by itself. Press Play." },
  buffering: { title: "Waiting for data", text: "Your connection is slow at the moment. It goes on by itself." },
  reconnecting: { title: "Interrupted", text: "The broadcast is interrupted. It goes on by itself as soon as it is back." },
  ended: { title: "Over", text: "The broadcast ended at {time}. Stay on this page if there may be another: it begins by itself." },
  unplayable: {
    title: "Your browser cannot play this",
    text: "It lacks Media Source Extensions, or H.264 and AAC. Open this page in a current Chrome, Edge, Firefox or Safari.",
  },
  unreachable: { title: "No answer", text: "The service does not answer. Look whether you are online; this page tries again by itself." },
};

/** In place of `ended` while it may come back. */
export const STOPPED: StateText = { title: "Stopped", text: "The stream stopped. Waiting in case it comes back." };

/** The texts of a state, filled in. */
export function textOf(state: WatchStateName, values: { channel: string; time?: string; mayComeBack?: boolean }): StateText {
  const { title, text } = state === "ended" && values.mayComeBack ? STOPPED : STATE_TEXTS[state];
  return { title, text: fill(text, { channel: values.channel, time: values.time ?? "" }) };
}
