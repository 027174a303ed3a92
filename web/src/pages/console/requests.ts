import { repeatOf } from "../../console/curl";
import { capacityOf, KEPT, readableLine, RequestLog, type ApiRequest } from "../../console/requests";
import { windowOf } from "../../console/window";
import { h } from "../dom";
import { element } from "../page";
import { codeLine, type Context } from "./context";

const ROW = 44;
const PAST = 500;

/** The requests as they come; only the rows in sight are in the page. */
export function showRequests(context: Context): void {
  const log = new RequestLog();
  const scroller = element("requests");
  const rows = element("requests-rows");
  let openSeq: number | null = null;
  let extra = 0;
  let scheduled = false;
  let topSeq: number | undefined;
  const drawn = new Map<number, { change: number; open: boolean; item: HTMLLIElement }>();

  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      draw();
    });
  };

  const toggle = (seq: number) => {
    openSeq = openSeq === seq ? null : seq;
    extra = 0;
    draw();
    draw();
  };

  const item = (request: ApiRequest, open: boolean): HTMLLIElement => {
    const known = drawn.get(request.seq);
    if (known?.change === request.change && known.open === open) return known.item;
    const focused = known?.item.contains(document.activeElement) ?? false;
    const made = rowOf(context, request, open, () => toggle(request.seq));
    drawn.set(request.seq, { change: request.change, open, item: made });
    if (focused) requestAnimationFrame(() => made.querySelector("button")?.focus({ preventScroll: true }));
    return made;
  };

  const draw = () => {
    const { shown } = log;
    const openIndex = openSeq === null ? -1 : shown.findIndex(({ seq }) => seq === openSeq);
    // What is read stays where it is while new ones come above it.
    if (scroller.scrollTop > ROW && topSeq !== undefined) {
      const added = shown.findIndex(({ seq }) => seq === topSeq);
      if (added > 0) scroller.scrollTop += added * ROW;
    }
    topSeq = shown[0]?.seq;
    const view = { top: scroller.scrollTop, height: scroller.clientHeight };
    const { first, end, offset, height } = windowOf(shown.length, ROW, view, openIndex < 0 ? null : { index: openIndex, extra });
    element("requests-height").style.height = `${height}px`;
    rows.style.transform = `translateY(${offset}px)`;
    const wanted = shown.slice(first, end).map((request) => item(request, request.seq === openSeq));
    // Rows that stay are not touched, and keep the focus.
    const keep = new Set(wanted);
    for (const child of [...rows.children]) if (!keep.has(child as HTMLLIElement)) child.remove();
    wanted.forEach((child, index) => {
      if (rows.children[index] !== child) rows.insertBefore(child, rows.children[index] ?? null);
    });
    for (const [seq, { item }] of drawn) if (!keep.has(item)) drawn.delete(seq);
    const unfolded = rows.querySelector<HTMLElement>(".unfolded");
    if (unfolded !== null && unfolded.offsetHeight !== extra) {
      extra = unfolded.offsetHeight;
      schedule();
    }
    element("no-requests").hidden = log.count > 0;
    element("requests-count").textContent =
      shown.length === log.count ? `${log.count}${log.count === KEPT ? " (the latest)" : ""}` : `${shown.length} of ${log.count}`;
  };

  log.addEventListener("change", schedule);
  scroller.addEventListener("scroll", schedule, { passive: true });
  new ResizeObserver(schedule).observe(scroller);
  element<HTMLInputElement>("filter").addEventListener("input", (event) => (log.filter = (event.target as HTMLInputElement).value));
  element<HTMLInputElement>("failed-only").addEventListener("change", (event) => (log.failedOnly = (event.target as HTMLInputElement).checked));

  const source = new EventSource(context.local.requestsUrl(PAST));
  source.addEventListener("request", ({ data }) => log.add(JSON.parse(data as string) as ApiRequest));
  source.addEventListener("reset", () => log.clear());
  draw();
}

function rowOf(context: Context, request: ApiRequest, open: boolean, toggle: () => void): HTMLLIElement {
  const { method, path, status, ms, sub } = request;
  const failed = status === null || status >= 400;
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", "aria-expanded": String(open), onclick: toggle },
      h("span", {}, method),
      h("span", { title: path }, path),
      h("span", failed ? { class: "failed" } : {}, status === null ? "gone" : String(status)),
      h("span", { class: "figures" }, `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`),
      h("span", {}, sub ?? "nobody"),
    ),
    open ? unfold(context, request) : null,
  );
}

function unfold(context: Context, request: ApiRequest): HTMLElement {
  const { calls, lines, refused, problem, route, requestId, at } = request;
  const capacity = capacityOf(calls);
  const who = `by ${request.sub ?? "nobody"}`;
  const about = [new Date(at).toLocaleTimeString(), who, route ?? "no such route", request.function, requestId].filter(Boolean).join(" · ");
  return h(
    "div",
    { class: "unfolded" },
    h("p", { class: "muted" }, about),
    refused === null ? null : h("p", { class: "notice warn" }, refused),
    problem === null ? null : h("p", {}, "Problem: ", h("code", {}, problem)),
    calls.length === 0 ? h("p", {}, "It led to no call of AWS.") : callTable(request),
    capacity === null ? null : h("p", { class: "muted" }, `Capacity units of DynamoDB: ${capacity}`),
    lines.length === 0 ? null : h("pre", { tabindex: "0", title: lines.join("\n") }, lines.map(readableLine).join("\n")),
    codeLine(repeatOf(context.local.origin, request)),
  );
}

function callTable({ calls }: ApiRequest): HTMLElement {
  const rows = calls.map(({ service, operation, ms, status, error, deniedAction, capacity }) =>
    h(
      "tr",
      deniedAction === null ? {} : { class: "differs" },
      h("td", {}, `${service} ${operation}`),
      h("td", {}, deniedAction !== null ? `denied: ${deniedAction}` : (error ?? (status === null ? "no answer" : String(status)))),
      h("td", { class: "figures" }, `${ms.toFixed(1)} ms`),
      h("td", { class: "figures" }, capacity === null ? "" : String(capacity)),
    ),
  );
  const head = ["Call", "Answer", "Time", "Units"].map((title) => h("th", { scope: "col" }, title));
  return h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)));
}
