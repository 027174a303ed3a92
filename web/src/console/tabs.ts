import { curlOf } from "./curl";
import type { About, Row, State } from "./local";

export type TabId = "stages" | "channels" | "streams" | "servers" | "broadcasts" | "keys" | "tables";

/** What a tab shows. */
export interface Tab {
  id: TabId;
  title: string;
  /** What its rows are, for somebody who does not know Greenroom. */
  sentence: string;
  /** The end of the table's name; `null`: another kind of tab. */
  table: string | null;
  columns: { title: string; of: (item: Record<string, unknown>) => string }[];
}

const text = (value: unknown): string =>
  value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
const column = (title: string, ...names: string[]) => ({
  title,
  of: (item: Record<string, unknown>) => text(names.map((name) => item[name]).find((value) => value !== undefined && value !== null)),
});
/** Seconds or milliseconds since 1970, or a timestamp: all as a time of the day. */
const time = (title: string, name: string) => ({
  title,
  of: (item: Record<string, unknown>) => timeOf(item[name]),
});

export function timeOf(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number") return "";
  const number = Number(value);
  const date = new Date(Number.isNaN(number) ? String(value) : number < 1e11 ? 1000 * number : number);
  return Number.isNaN(date.getTime()) ? String(value) : date.toLocaleTimeString();
}

export const TABS: Tab[] = [
  {
    id: "stages",
    title: "Stages",
    sentence: "A stage is a room in which up to twelve people see and hear each other.",
    table: "-stages",
    columns: [column("Stage", "name", "stage"), column("Owner", "owner"), column("State", "status", "state")],
  },
  {
    id: "channels",
    title: "Channels",
    sentence: "A channel is an address where one person broadcasts and everybody watches.",
    table: "-channels",
    columns: [column("Channel", "name", "channel"), column("Owner", "owner"), { title: "Hosted by", of: (item) => (item.arn === undefined ? "your RTMP server" : "IVS") }, column("Private", "private")],
  },
  {
    id: "streams",
    title: "Streams",
    sentence: "A stream is what is on air of a channel now; the video service tells when one begins and ends.",
    table: "-streams",
    columns: [column("Channel", "channel", "name"), column("State", "state"), column("Viewers", "viewerCount", "viewers"), time("Since", "startedAt")],
  },
  {
    id: "servers",
    title: "Servers",
    sentence: "A server takes what a browser records and sends it to the channel's ingest; each is a task of ECS.",
    table: "-servers",
    columns: [
      column("Task", "taskId"),
      column("State", "state", "status"),
      column("Free places", "places"),
      column("Address", "publicIp"),
      time("Lease until", "leaseUntil"),
    ],
  },
  {
    id: "broadcasts",
    title: "Broadcasts",
    sentence: "A broadcast is one time that somebody goes live from a browser, through whatever reconnects and moves to another server.",
    table: "-broadcasts",
    columns: [
      column("Broadcast", "broadcast"),
      column("Owner", "owner"),
      column("Channel", "channel"),
      column("State", "state"),
      column("Ended by", "endReason"),
      time("Made", "createdAt"),
    ],
  },
  {
    id: "keys",
    title: "Keys",
    sentence: "Whoever has a channel's stream key can broadcast to it, with OBS or ffmpeg; only its owner sees it.",
    table: null,
    columns: [],
  },
  {
    id: "tables",
    title: "Tables",
    sentence: "What the tables say beside what the video service and ECS say: after a crash in the middle of something they differ, and jobs repair it.",
    table: null,
    columns: [],
  },
];

/** The line of code that makes a tab's first row. */
export function lineOf(tab: TabId, about: Pick<About, "addresses">, user: string): string {
  const { api, aws, rtmps } = about.addresses;
  const curl = (method: string, path: string, body?: unknown) => curlOf(api, { method, path, sub: user, ...(body === undefined ? {} : { body }) });
  switch (tab) {
    case "stages":
      return curl("PUT", "/stages/demo");
    case "channels":
    case "tables":
      return curl("PUT", "/channels/demo");
    case "streams": {
      const key = `${curl("GET", "/channels/demo/stream-key")} | sed 's/.*"streamKey":"\\([^"]*\\)".*/\\1/'`;
      return (
        "ffmpeg -re -f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine -c:v libx264 -preset veryfast -tune zerolatency -g 30 " +
        `-pix_fmt yuv420p -c:a aac -f flv "${rtmps}$(${key})"`
      );
    }
    case "servers":
      return `aws --endpoint-url ${aws} ecs update-service --cluster transwrap --service transwrap --desired-count 2`;
    case "broadcasts":
      return curl("POST", "/broadcasts", { channel: "demo" });
    case "keys":
      return curl("GET", "/channels/demo/stream-key");
  }
}

/** The rows of the table whose name ends so; none before there is one. */
export function rowsOf(state: State | null, suffix: string): Row[] {
  return state?.tables.find(({ name }) => name.endsWith(suffix))?.rows ?? [];
}

/** Rows that are one thing's whole truth about a channel: on air or not, with the session. */
export function streamOf(state: State | null, channel: string): { live: boolean; session: string | null } {
  const row = rowsOf(state, "-streams").find(({ item }) => (item.channel ?? item.name) === channel);
  const session = row?.item.session ?? row?.item.streamId ?? row?.item.startedAt;
  return { live: row?.item.state === "live", session: session === undefined || session === null ? null : String(session) };
}

/** Which tab an arrow key leads to from `at`. */
export function tabAfter(at: TabId, key: string): TabId {
  const ids = TABS.map(({ id }) => id);
  const index = ids.indexOf(at);
  const next = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: ids.length - 1 }[key] ?? index;
  return ids[(next + ids.length) % ids.length] ?? at;
}
