import { unreachable } from "../problem";
import { Refusal } from "./refusal";

/** What runs: `GET /_local/about`. */
export interface About {
  stack: string;
  region: string;
  template: string;
  version: string;
  /** `null`: nothing is kept. */
  dataDir: string | null;
  addresses: { api: string; aws: string; rtmps: string; rtmp: string; playback: string };
  functions: { id: string; name: string; routes: string[] }[];
  schedules: { name: string; function: string; when: string; enabled: boolean }[];
  tables: string[];
  queues: string[];
  parameters: Record<string, string>;
  faultServices: Record<string, string[]>;
}

/** A row beside what AWS says. */
export interface Row {
  item: Record<string, unknown>;
  resources: string[];
  differences: string[];
}

export interface Table {
  name: string;
  key: string[];
  count: number;
  truncated: boolean;
  rows: Row[];
}

/** Something that IVS or ECS has, beside its rows. */
export interface Resource {
  arn: string;
  service: string;
  kind: string;
  name: string | null;
  state: string | null;
  description: unknown;
  rows: { table: string; key: Record<string, unknown> }[];
  differences: string[];
}

/** All rows beside all resources: `GET /_local/state`. */
export interface State {
  at: string;
  tables: Table[];
  resources: Resource[];
  differences: number;
}

export type FaultKind =
  | { kind: "throttle" }
  | { kind: "error"; status: number; code: string }
  | { kind: "latency"; ms: number; when?: "before" | "after" }
  | { kind: "drop" | "kill"; when: "before" | "after" };

export interface Fault {
  id: number;
  service: string;
  operation: string;
  fault: FaultKind;
  nth: number;
  times: number | null;
  fired: number;
}

export type EventFaultKind = { kind: "lose" } | { kind: "duplicate"; copies: number } | { kind: "delay"; ms: number } | { kind: "reorder"; among: number };

export interface EventFault {
  id: number;
  fault: EventFaultKind;
  times: number | null;
  fired: number;
}

export interface EcsClock {
  mode: "automatic" | "manual";
  stepMs?: number;
}

/** The local cloud's own routes, under `/_local/`. They need no token. */
export class LocalCloud {
  readonly origin: string;
  readonly #fetch: typeof globalThis.fetch;

  constructor(origin: string, fetch: typeof globalThis.fetch = (input, init) => globalThis.fetch(input, init)) {
    this.origin = origin;
    this.#fetch = fetch;
  }

  about = () => this.#json<About>("GET", "about");
  state = (rows = 100) => this.#json<State>("GET", `state?rows=${rows}`);
  users = async () => (await this.#json<{ users: string[] }>("GET", "users")).users;
  /** An access token of a user; `seconds` from now, it ends. */
  token = async (user: string, seconds?: number) =>
    (await this.#text("GET", `token?sub=${encodeURIComponent(user)}${seconds === undefined ? "" : `&exp=${seconds}`}`)).trim();
  faults = async () => (await this.#json<{ faults: Fault[] }>("GET", "faults")).faults;
  addFault = (fault: { service: string; operation: string; fault: FaultKind; times: number | null }) => this.#text("PUT", "faults", fault);
  endFault = (id: number) => this.#text("DELETE", `faults/${id}`);
  eventFaults = async () => (await this.#json<{ faults: EventFault[] }>("GET", "events/faults")).faults;
  addEventFault = (fault: { fault: EventFaultKind; times: number | null }) => this.#text("PUT", "events/faults", fault);
  /** Events that are held back go on their way. */
  endEventFaults = () => this.#text("DELETE", "events/faults");
  clock = () => this.#json<EcsClock>("GET", "ecs/clock");
  setClock = (clock: EcsClock) => this.#text("PUT", "ecs/clock", clock);
  tick = () => this.#text("POST", "ecs/tick");
  runSchedule = (name: string) => this.#text("POST", `schedules/${encodeURIComponent(name)}/run`);
  reset = () => this.#text("POST", "reset");

  /** Where requests are told of as they come. */
  requestsUrl(last: number): string {
    return `${this.origin}/_local/requests/stream?last=${last}`;
  }

  async #json<T>(method: string, path: string): Promise<T> {
    return JSON.parse(await this.#text(method, path)) as T;
  }

  async #text(method: string, path: string, body?: unknown): Promise<string> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await this.#fetch(`${this.origin}/_local/${path}`, init).catch((error: unknown) => {
      throw unreachable(error);
    });
    const text = await response.text();
    if (response.ok) return text;
    let message = `the local cloud answers ${response.status}`;
    try {
      message = (JSON.parse(text) as { message?: string }).message ?? message;
    } catch {
      // Not JSON: the status says it.
    }
    throw new Refusal(message);
  }
}
