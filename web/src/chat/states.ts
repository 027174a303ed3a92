import type { ChatErrorCode } from "../../../clients/typescript/chat/index.js";

/** A state's words: what is, and what to do. `{name}` is filled in. */
export interface StateText {
  title: string;
  text: string;
}

/** What the chat can be in, each with its own words. Tests and the documentation list them. */
export const CHAT_STATES = {
  "signed-out": { title: "Sign in to chat", text: "Messages are shown to those who are signed in." },
  connecting: { title: "Connecting", text: "The chat is on its way." },
  connected: { title: "Connected", text: "Be kind." },
  "read-only": { title: "You can read along", text: "Writing is not open to you here." },
  muted: { title: "You are muted", text: "A moderator has muted you: you can read, and not write." },
  removed: { title: "You were removed", text: "A moderator has removed you from this chat. Only the owner and moderators can let you back in." },
  reconnecting: { title: "The chat is interrupted", text: "It comes back by itself{when}. What you write meanwhile is not sent." },
  waiting: { title: "There is no chat yet", text: "It cannot be reached. The page tries again by itself{when}." },
  offline: { title: "You are offline", text: "The chat goes on as soon as your connection is back." },
  "not-found": { title: "There is no chat here", text: "“{channel}” is not there, or is not open to you." },
  "not-allowed": { title: "This chat is not open to you", text: "{problem}" },
  failed: { title: "The chat does not work", text: "{problem}" },
} as const satisfies Record<string, StateText>;

export type ChatStateName = keyof typeof CHAT_STATES;

/** Why a message was not sent. It stays in the field. */
export const SEND_TEXTS: Record<ChatErrorCode, string> = {
  empty: "Write something first.",
  "too-long": "A message has at most 500 characters. Shorten it.",
  "not-connected": "The chat is not connected. Send it again in a moment.",
  "read-only": "You may not write here.",
  refused: "Your message was not let through: {reason}. Change it, and send it again.",
  "too-fast": "That was too fast. Send it again in a moment.",
  timeout: "There was no answer in time. Look whether your message is there before you send it again.",
  "connection-lost": "The connection ended before the answer. Look whether your message is there before you send it again.",
  failed: "Your message was not sent. Send it again in a moment.",
};

/** What moderators do, and what was done. */
export const ACTIONS = {
  delete: { label: "Delete message", done: "The message is deleted." },
  mute: { label: "Mute {user}", done: "{user} is muted." },
  unmute: { label: "Unmute {user}", done: "{user} may write again." },
  remove: { label: "Remove {user}", done: "{user} is removed." },
  readmit: { label: "Let {user} back in", done: "{user} may come back." },
  promote: { label: "Make {user} a moderator", done: "{user} is a moderator." },
  demote: { label: "{user} no longer moderates", done: "{user} is no moderator any more." },
} as const satisfies Record<string, { label: string; done: string }>;

/** Those who are there have got their token before. */
export const SETTINGS_SAVED = "Saved. Those who are here see new rules when they come back.";

export type ActionName = keyof typeof ACTIONS;
