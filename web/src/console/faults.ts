import type { EventFault, EventFaultKind, Fault, FaultKind } from "./local";
import { Refusal } from "./refusal";

/** What a form for a fault has in its fields. */
export interface FaultFields {
  kind: string;
  status: string;
  code: string;
  ms: string;
  when: string;
}

/** What each kind does, in words. */
export const FAULTS: Record<FaultKind["kind"], { label: string; fields: (keyof FaultFields)[] }> = {
  throttle: { label: "is throttled", fields: [] },
  error: { label: "fails with an error", fields: ["status", "code"] },
  latency: { label: "takes longer", fields: ["ms", "when"] },
  drop: { label: "loses its answer", fields: ["when"] },
  kill: { label: "kills the function", fields: ["when"] },
};

export const EVENT_FAULTS: Record<EventFaultKind["kind"], { label: string; field: { label: string; value: string } | null }> = {
  lose: { label: "are lost", field: null },
  duplicate: { label: "come more than once", field: { label: "Copies", value: "2" } },
  delay: { label: "come late", field: { label: "Milliseconds", value: "3000" } },
  reorder: { label: "come in another order", field: { label: "Among", value: "3" } },
};

/** A number of a field, or why it is none. */
function number(text: string, name: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < least) throw new Refusal(`${name} takes a whole number from ${least} on.`);
  return value;
}

/** The fault of a form; throws a sentence if a field is wrong. */
export function faultOf({ kind, status, code, ms, when }: FaultFields): FaultKind {
  const side = when === "after" ? "after" : "before";
  switch (kind) {
    case "error":
      if (code.trim() === "") throw new Refusal("Code takes AWS's word for the error, such as InternalServerException.");
      return { kind, status: number(status, "Status", 400), code: code.trim() };
    case "latency":
      return { kind, ms: number(ms, "Milliseconds", 1), when: side };
    case "drop":
    case "kill":
      return { kind, when: side };
    default:
      return { kind: "throttle" };
  }
}

export function eventFaultOf(kind: string, value: string): EventFaultKind {
  switch (kind) {
    case "duplicate":
      return { kind, copies: number(value, "Copies", 2) };
    case "delay":
      return { kind, ms: number(value, "Milliseconds", 1) };
    case "reorder":
      return { kind, among: number(value, "Among", 2) };
    default:
      return { kind: "lose" };
  }
}

/** How often a fault strikes: empty is until it is ended. */
export function timesOf(text: string): number | null {
  return text.trim() === "" ? null : number(text, "Times", 1);
}

/** A fault as a sentence: "ivs CreateStage is throttled, once". */
export function describe({ service, operation, fault, times, fired }: Fault): string {
  return [`${service} ${operation} ${FAULTS[fault.kind].label}`, ...detailsOf(fault), often(times, fired)].join(", ");
}

export function describeEventFault({ fault, times, fired }: EventFault): string {
  return [`Events ${EVENT_FAULTS[fault.kind].label}`, ...detailsOf(fault), often(times, fired)].join(", ");
}

function detailsOf(fault: FaultKind | EventFaultKind): string[] {
  const words: Record<string, (value: unknown) => string> = {
    when: (value) => (value === "after" ? "after it took effect" : "before it takes effect"),
    ms: (value) => `${String(value)} ms`,
  };
  return Object.entries(fault).flatMap(([name, value]) => (name === "kind" ? [] : [words[name]?.(value) ?? `${name} ${value}`]));
}

function often(times: number | null, fired: number): string {
  return times === null ? `until ended (${fired} so far)` : `${fired} of ${times}`;
}
