/** A call of AWS that a request led to. */
export interface Call {
  seq: number;
  service: string;
  operation: string;
  ms: number;
  status: number | null;
  error: string | null;
  deniedAction: string | null;
  capacity: number | null;
}

/** A request to the API, with what it led to. */
export interface ApiRequest {
  seq: number;
  change: number;
  at: string;
  method: string;
  path: string;
  route: string | null;
  status: number | null;
  ms: number;
  sub: string | null;
  function: string | null;
  requestId: string | null;
  problem: string | null;
  refused: string | null;
  calls: Call[];
  lines: string[];
}

/** So many are kept. */
export const KEPT = 10_000;

/** The requests as they come, the newest first. Says `change` when there is something new. */
export class RequestLog extends EventTarget {
  /** By `seq`, ascending: the newest is last. */
  #all: ApiRequest[] = [];
  #shown: ApiRequest[] | null = null;
  #filter = "";
  #failedOnly = false;

  get count(): number {
    return this.#all.length;
  }

  /** Those that pass the filter, the newest first. */
  get shown(): readonly ApiRequest[] {
    this.#shown ??= this.#all.filter((request) => this.#passes(request)).reverse();
    return this.#shown;
  }

  /** Words that must all be in method, path, status, caller or problem. */
  set filter(filter: string) {
    this.#filter = filter.toLowerCase().trim();
    this.#changed();
  }

  set failedOnly(failedOnly: boolean) {
    this.#failedOnly = failedOnly;
    this.#changed();
  }

  /** Takes a request that is new, or one again of which more is known. */
  add(request: ApiRequest): void {
    const at = this.#place(request.seq);
    const known = this.#all[at];
    if (known?.seq === request.seq) {
      // What was sent again after a lost connection may be older than what is here.
      if (known.change > request.change) return;
      this.#all[at] = request;
    } else {
      this.#all.splice(at, 0, request);
      if (this.#all.length > KEPT) this.#all.splice(0, this.#all.length - KEPT);
    }
    this.#changed();
  }

  clear(): void {
    this.#all = [];
    this.#changed();
  }

  /** Where a request of that number is, or belongs: mostly at the end. */
  #place(seq: number): number {
    let at = this.#all.length;
    while (at > 0 && (this.#all[at - 1]?.seq ?? 0) >= seq) at -= 1;
    return at;
  }

  #passes({ method, path, status, sub, problem, refused }: ApiRequest): boolean {
    if (this.#failedOnly && status !== null && status < 400) return false;
    if (this.#filter === "") return true;
    const text = `${method} ${path} ${status ?? ""} ${sub ?? ""} ${problem ?? ""} ${refused ?? ""}`.toLowerCase();
    return this.#filter.split(/\s+/).every((word) => text.includes(word));
  }

  #changed(): void {
    this.#shown = null;
    this.dispatchEvent(new Event("change"));
  }
}

/** Capacity units of all calls together; `null` where DynamoDB had no part. */
export function capacityOf(calls: readonly Call[]): number | null {
  const units = calls.flatMap(({ capacity }) => (capacity === null ? [] : [capacity]));
  return units.length === 0 ? null : units.reduce((sum, one) => sum + one, 0);
}

/** The line of a log as people read it: level and message, and the cause of an error. */
export function readableLine(line: string): string {
  try {
    const { level, message, cause, error } = JSON.parse(line) as Record<string, unknown>;
    return [level, message, cause ?? error].filter((part) => typeof part === "string").join(" ") || line;
  } catch {
    return line;
  }
}
