import type { EndReason } from "./protocol";

/** A state's words: what is, and what to do. `{name}` is filled in. */
export interface StateText {
  title: string;
  text: string;
}

/** Every state of the page, each with its own words. Tests and the documentation list them. */
export const STATES = {
  loading: { title: "One moment", text: "The page is loading." },
  "no-channel": { title: "Which channel?", text: "The address names no channel. Type its name: you go live on that one." },
  "signed-out": { title: "Sign in to go live", text: "A channel belongs to somebody, so this page has to know who you are." },
  "channel-missing": { title: "There is no channel “{channel}” yet", text: "Create it: it will be yours, and everybody can watch it." },
  "not-owner": { title: "“{channel}” is {owner}'s channel", text: "Only its owner can go live on it. Sign in as {owner}, or take a channel of your own." },
  unsupported: {
    title: "This browser cannot broadcast",
    text: "It records no video that the servers take. Open this page in a current Chrome, Edge or Firefox.",
  },
  insecure: {
    title: "No camera on this page",
    text: "Your browser gives no camera to pages that are not https. Open this page as https, or as {localhost} on this computer.",
  },
  asking: { title: "May this page use your camera and microphone?", text: "Your browser asks you at the top of its window. Allow both: nobody sees you before you go live." },
  denied: { title: "The camera and microphone are not allowed", text: "{howToAllow}" },
  "no-device": { title: "No camera and no microphone", text: "Plug one in: the page takes it up by itself. You can share your screen meanwhile." },
  "device-busy": { title: "The camera is in use", text: "Another program has it. Close that program, or choose another camera, and try again." },
  ready: { title: "Not on air", text: "Nobody sees you yet. Check picture and sound, then go live." },
  "ready-sound-only": { title: "Not on air, sound only", text: "There is no picture: viewers will only hear you. Choose a camera, share your screen, or go live as it is." },
  resumable: { title: "You were live a moment ago", text: "This page was loaded anew. Go on with the broadcast, before it ends by itself within a minute." },
  ticket: { title: "Looking for a server", text: "A server with room is chosen for you." },
  "connecting-server": { title: "Connecting", text: "Waiting for the server to answer." },
  "connecting-ingest": { title: "Connecting", text: "The server has you. It waits for the video service to accept the stream." },
  "connecting-media": { title: "Connecting", text: "The video service is there. It waits for the first picture of your camera." },
  live: { title: "You are live", text: "Viewers see you some seconds later." },
  reconnecting: { title: "The connection is lost", text: "Stay here: this is attempt {attempt} to come back. Viewers wait with you." },
  "no-room": {
    title: "There is no room yet",
    text: "The server has no room for your broadcast. The page looks for another one by itself: this is attempt {attempt}.",
  },
  "ingest-lost": { title: "The video service is lost", text: "The server takes the stream up again, attempt {attempt}. There is nothing you have to do." },
  moving: { title: "Moving to another server", text: "Your server is about to restart. You stay on air, and there is nothing you have to do." },
  "on-air-elsewhere": {
    title: "“{channel}” is on air already",
    text: "A broadcast runs there, perhaps in another tab or on another device. Take over, and that one ends; or leave it as it is.",
  },
  "no-server": { title: "All servers are full", text: "The page asks again by itself until there is room." },
  ending: { title: "Ending", text: "The server sends what it still has." },
  ended: { title: "The broadcast has ended", text: "{reason}" },
  "key-refused": {
    title: "The video service refused the stream key",
    text: "The channel's key was changed, or the channel was deleted. Load this page again and go live; if that does not help, make a new key for the channel.",
  },
  failed: { title: "This did not work", text: "{problem}" },
} as const satisfies Record<string, StateText>;

export type StateName = keyof typeof STATES;

/** Why it ended, for the state `ended`. */
export const END_REASONS: Record<EndReason, string> = {
  stopped: "You ended it.",
  deleted: "It was ended from elsewhere, such as by another program of yours. Go live again whenever you like.",
  "taken-over": "Another broadcast to this channel took over. Going live here again would end that one.",
  expired: "The connection came too late. Go live again.",
  lost: "Your connection was away for too long. Look whether you are online, then go live again.",
  "server-lost": "The server failed, and you were away for too long to go on. Go live again.",
  quiet: "Your browser sent no picture and no sound for a while. Look at the preview, choose other devices, then go live again.",
  "key-refused": "The video service refused the stream key.",
  "ingest-unreachable": "The video service could not be reached. Go live again in a moment; if that does not help, tell whoever runs this site.",
  "target-refused": "The server may not send to where this channel's video goes. Tell whoever runs this site.",
  "unusable-media": "The server could not use what your browser recorded. Choose another camera or a lower bitrate, or use another browser.",
};

/** What can be wrong beside the state. */
export const NOTICES = {
  slow: "Your connection is too slow for {wanted}. The page sends {used} for now.",
  "recorder-replaced": "Your browser's recorder fell silent, and was started again. Viewers saw a short break.",
  "camera-unplugged": "“{device}” is unplugged. Viewers only hear you. Plug it in again, or choose another camera.",
  "camera-replaced": "“{device}” is unplugged. You are on “{instead}” now.",
  "microphone-unplugged": "“{device}” is unplugged. Viewers cannot hear you. Plug it in again, or choose another microphone.",
  "microphone-replaced": "“{device}” is unplugged. “{instead}” is used now.",
  "no-microphone": "There is no sound. Choose a microphone, unless that is what you want.",
  "no-camera": "There is no picture: viewers only hear you.",
  muted: "Your microphone is muted.",
  hidden: "This tab is hidden. Camera and microphone go on; keep the browser open, and the computer awake.",
  offline: "You are offline.",
  starving: "The video service gets too little of your stream. Choose a lower bitrate.",
  "no-h264": "Your browser records no H.264, so the server converts the picture. Chrome and Edge spare it that, and viewers see you sooner.",
} as const satisfies Record<string, string>;

export type NoticeName = keyof typeof NOTICES;

/** How to take a refusal back. */
export const HOW_TO_ALLOW = {
  chromium: "Click the icon at the left of the address, allow Camera and Microphone, and load this page again.",
  firefox: "Click the crossed-out camera at the left of the address, remove the block of Camera and Microphone, and load this page again.",
  safari: "Choose Safari, Settings for This Website in the menu, allow Camera and Microphone, and load this page again.",
};

/** The words for a browser, by its `navigator.userAgent`. */
export function howToAllow(userAgent: string): string {
  if (/firefox/i.test(userAgent)) return HOW_TO_ALLOW.firefox;
  return /chrom|edg/i.test(userAgent) ? HOW_TO_ALLOW.chromium : HOW_TO_ALLOW.safari;
}
