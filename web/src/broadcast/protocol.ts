// The broadcast protocol, version 1, as docs/broadcast-protocol.md has it.

/** The version that these pages speak. */
export const SUBPROTOCOL = "greenroom.broadcast.v1";

/** What to name in the WebSocket's handshake: the version and, where no URL or log shows it, the ticket. */
export function protocolsOf(ticket: string): string[] {
  return [SUBPROTOCOL, `greenroom.ticket.${ticket}`];
}

/** How a broadcast ended, in the API's words. */
export type EndReason =
  | "stopped"
  | "deleted"
  | "taken-over"
  | "expired"
  | "lost"
  | "server-lost"
  | "quiet"
  | "key-refused"
  | "ingest-unreachable"
  | "target-refused"
  | "unusable-media";

/** What the page says to the server, beside the media itself in binary frames. */
export type ClientMessage =
  /** A recording begins: what is sent from here on has its own header. */
  | { type: "start"; mimeType: string }
  /** The broadcast ends. */
  | { type: "stop" };

/** What the server says to the page. */
export type ServerMessage =
  | { type: "ready"; broadcast: string; limits: { maxChunkBytes: number; quietSeconds: number } }
  | { type: "state"; state: "connecting"; waitsFor: "ingest" | "media" }
  | { type: "state"; state: "live" }
  /** The server has lost the ingest, and tries again. */
  | { type: "state"; state: "reconnecting"; attempt: number }
  | Stats
  /** Another recording is needed: the one that comes could not be used. */
  | { type: "restart"; reason: string }
  /** The server is about to leave: get another ticket, and go on at another one. */
  | { type: "move"; withinSeconds: number }
  | { type: "end"; reason: string; detail: string | null };

/** Figures of each second. */
export interface Stats {
  type: "stats";
  receivedBytes: number;
  sentBytes: number;
  sentKbps: number;
  droppedFrames: number;
  bufferedMs: number;
}

/** A frame of the server; `null` when it is none of this version's, which is to be passed over. */
export function parseServerMessage(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(data) as Record<string, unknown>;
  } catch {
    return null;
  }
  if (typeof message !== "object" || message === null) return null;
  switch (message.type) {
    case "ready": {
      const limits = (message.limits ?? {}) as Record<string, unknown>;
      return {
        type: "ready",
        broadcast: String(message.broadcast),
        limits: { maxChunkBytes: number(limits.maxChunkBytes, 1_000_000), quietSeconds: number(limits.quietSeconds, 10) },
      };
    }
    case "state":
      switch (message.state) {
        case "connecting":
          return { type: "state", state: "connecting", waitsFor: message.waitsFor === "media" ? "media" : "ingest" };
        case "live":
          return { type: "state", state: "live" };
        case "reconnecting":
          return { type: "state", state: "reconnecting", attempt: number(message.attempt, 1) };
        default:
          return null;
      }
    case "stats":
      return {
        type: "stats",
        receivedBytes: number(message.receivedBytes, 0),
        sentBytes: number(message.sentBytes, 0),
        sentKbps: number(message.sentKbps, 0),
        droppedFrames: number(message.droppedFrames, 0),
        bufferedMs: number(message.bufferedMs, 0),
      };
    case "restart":
      return { type: "restart", reason: String(message.reason ?? "") };
    case "move":
      return { type: "move", withinSeconds: number(message.withinSeconds, 30) };
    case "end":
      return { type: "end", reason: String(message.reason ?? "stopped"), detail: typeof message.detail === "string" ? message.detail : null };
    default:
      return null;
  }
}

/** What a connection's close means when no `end` came before it. */
export type AfterClose = { go: "again"; noRoom: boolean } | { go: "end"; reason: EndReason } | { go: "fail"; detail: string };

/** What to do after a close with that code. */
export function afterClose(code: number): AfterClose {
  switch (code) {
    case 1000:
      return { go: "end", reason: "stopped" };
    case 4400:
      return { go: "fail", detail: "the server did not understand this page (4400)" };
    case 4403:
      return { go: "end", reason: "target-refused" };
    case 4408:
      return { go: "end", reason: "quiet" };
    case 4409:
      return { go: "end", reason: "taken-over" };
    case 4415:
      return { go: "end", reason: "unusable-media" };
    case 4502:
      return { go: "end", reason: "ingest-unreachable" };
    default:
      // The network, a crash, a drain, a full server, a ticket that came too late: another ticket may do.
      return { go: "again", noRoom: code === 4429 };
  }
}

function number(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}
