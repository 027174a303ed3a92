import type { Choice } from "./source";

/** What a page remembers: devices and bitrate for the next time, and the broadcast in case that the tab crashes or is loaded anew. */
export interface Remembered {
  choice: Choice;
  bitrate: number;
}

const SETTINGS = "greenroom.broadcaster";
const BROADCAST = "greenroom.broadcast";

/** Bits a second to choose from. */
export const BITRATES = [800_000, 1_500_000, 2_500_000, 4_000_000, 6_000_000];
const USUAL_BITRATE = 2_500_000;

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export function rememberedSettings(store: Store): Remembered {
  const { camera, microphone, bitrate } = read(store, SETTINGS);
  return {
    choice: { camera: idIn(camera), microphone: idIn(microphone) },
    bitrate: BITRATES.find((one) => one === bitrate) ?? USUAL_BITRATE,
  };
}

export function rememberSettings(store: Store, { choice, bitrate }: Remembered): void {
  write(store, SETTINGS, { ...choice, bitrate });
}

/** The broadcast to this channel that was under way in this tab. */
export function rememberedBroadcast(store: Store, channel: string): string | null {
  const { broadcast, channel: of } = read(store, BROADCAST);
  return of === channel && typeof broadcast === "string" ? broadcast : null;
}

export function rememberBroadcast(store: Store, channel: string, broadcast: string | null): void {
  if (broadcast !== null) write(store, BROADCAST, { channel, broadcast });
  else if (rememberedBroadcast(store, channel) !== null) write(store, BROADCAST, null);
}

function idIn(value: unknown): string | null {
  return value === null ? null : typeof value === "string" ? value : "";
}

function read(store: Store, key: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(store.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function write(store: Store, key: string, value: unknown): void {
  try {
    if (value === null) store.removeItem(key);
    else store.setItem(key, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing: then the page remembers nothing.
  }
}
