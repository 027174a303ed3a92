import { describe, describeEventFault, EVENT_FAULTS, eventFaultOf, FAULTS, faultOf, timesOf } from "../../console/faults";
import type { EventFault, Fault } from "../../console/local";
import { drawIfChanged, h } from "../dom";
import { copyText, element } from "../page";
import { act, type Context } from "./context";

/** Faults of calls and of events, clocks, and schedules to run now. */
export class Bottom {
  readonly #context: Context;
  readonly #faults = h("ul");
  readonly #events = h("ul");
  readonly #clock = h("select", { id: "clock" }, new Option("by itself", "automatic"), new Option("by ticks alone", "manual"));

  constructor(context: Context) {
    this.#context = context;
    element("bottom").append(this.#faultCard(), this.#eventCard(), this.#clockCard(), this.#scheduleCard());
  }

  async draw(): Promise<void> {
    const { local } = this.#context;
    const [faults, events, clock] = await Promise.all([local.faults(), local.eventFaults(), local.clock()]);
    if (document.activeElement !== this.#clock) this.#clock.value = clock.mode;
    drawIfChanged(this.#faults, faults, () =>
      faults.length === 0 ? [h("li", { class: "muted" }, "None is on.")] : faults.map((fault) => this.#fault(fault)),
    );
    drawIfChanged(this.#events, events, () =>
      events.length === 0 ? [h("li", { class: "muted" }, "None is on.")] : [...events.map((fault: EventFault) => h("li", {}, describeEventFault(fault)))],
    );
  }

  #fault(fault: Fault): HTMLElement {
    const end = () => act(this.#context, "The fault is ended.", () => this.#context.local.endFault(fault.id)).then(() => this.draw());
    const text = describe(fault);
    return h("li", {}, h("span", {}, text), h("button", { type: "button", "aria-label": `End: ${text}`, onclick: () => void end() }, "End"));
  }

  #faultCard(): HTMLElement {
    const services = this.#context.about?.faultServices ?? {};
    const service = h("select", { id: "fault-service" }, ...Object.keys(services).map((name) => new Option(name, name)));
    const operation = h("select", { id: "fault-operation" });
    const kind = h("select", { id: "fault-kind" }, ...Object.entries(FAULTS).map(([name, { label }]) => new Option(label, name)));
    const status = h("input", { id: "fault-status", inputmode: "numeric", value: "500" });
    const code = h("input", { id: "fault-code", value: "InternalServerException" });
    const ms = h("input", { id: "fault-ms", inputmode: "numeric", value: "1000" });
    const when = h("select", { id: "fault-when" }, new Option("before it takes effect", "before"), new Option("after it took effect", "after"));
    const times = h("input", { id: "fault-times", inputmode: "numeric", value: "1", placeholder: "until ended" });
    const optional = { status: field("Status", status), code: field("Code", code), ms: field("Milliseconds", ms), when: field("When", when) };
    const operations = () => operation.replaceChildren(...(services[service.value] ?? []).map((name) => new Option(name, name)));
    const fields = () => {
      const wanted = FAULTS[kind.value as keyof typeof FAULTS].fields;
      for (const [name, element] of Object.entries(optional)) element.hidden = !wanted.includes(name as never);
    };
    service.addEventListener("change", operations);
    kind.addEventListener("change", fields);
    if (services.ivs !== undefined) service.value = "ivs";
    operations();
    fields();
    const add = (event: Event) => {
      event.preventDefault();
      void act(this.#context, "The fault is on.", async () => {
        const fault = faultOf({ kind: kind.value, status: status.value, code: code.value, ms: ms.value, when: when.value });
        await this.#context.local.addFault({ service: service.value, operation: operation.value, fault, times: timesOf(times.value) });
        await this.draw();
      });
    };
    return card(
      "Faults",
      "Let a call of AWS fail, and see what becomes of a request.",
      h("form", { onsubmit: add, novalidate: true },
        field("Service", service), field("Call", operation), field("What happens", kind), ...Object.values(optional), field("Times", times),
        h("button", { type: "submit" }, "Switch on")),
      this.#faults,
    );
  }

  #eventCard(): HTMLElement {
    const kind = h("select", { id: "event-kind" }, ...Object.entries(EVENT_FAULTS).map(([name, { label }]) => new Option(label, name)));
    const value = h("input", { id: "event-value", inputmode: "numeric" });
    const label = h("label", { for: "event-value" });
    const valueField = h("div", { class: "field" }, label, value);
    const times = h("input", { id: "event-times", inputmode: "numeric", value: "1", placeholder: "until ended" });
    const fields = () => {
      const { field } = EVENT_FAULTS[kind.value as keyof typeof EVENT_FAULTS];
      valueField.hidden = field === null;
      label.textContent = field?.label ?? "";
      value.value = field?.value ?? "";
    };
    kind.addEventListener("change", fields);
    fields();
    const add = (event: Event) => {
      event.preventDefault();
      void act(this.#context, "The fault of events is on.", async () => {
        await this.#context.local.addEventFault({ fault: eventFaultOf(kind.value, value.value), times: timesOf(times.value) });
        await this.draw();
      });
    };
    const end = () => act(this.#context, "Events come as they should.", () => this.#context.local.endEventFaults()).then(() => this.draw());
    return card(
      "Events",
      "The video service tells of each stream by events; on AWS they may come late, twice or in another order.",
      h("form", { onsubmit: add, novalidate: true },
        field("The next events", kind), valueField, field("Times", times),
        h("div", { class: "row" }, h("button", { type: "submit" }, "Switch on"), h("button", { type: "button", onclick: () => void end() }, "End all"))),
      this.#events,
    );
  }

  #clockCard(): HTMLElement {
    const { local } = this.#context;
    this.#clock.addEventListener("change", () => {
      const manual = this.#clock.value === "manual";
      void act(this.#context, manual ? "Tasks wait for ticks." : "Tasks go on by themselves.", () => local.setClock(manual ? { mode: "manual" } : { mode: "automatic", stepMs: 500 }));
    });
    const tick = h("button", { type: "button", onclick: () => void act(this.#context, "A tick.", () => local.tick()) }, "Tick");
    const ended = h("button", { type: "button" }, "Copy a token that has ended");
    ended.addEventListener("click", () => void local.token(this.#context.user(), -60).then((token) => copyText(token, ended)));
    return card("Clocks", "Hold the tasks of ECS between two states, or bring a token whose time is over.", h("div", { class: "row" }, field("Tasks go on", this.#clock), tick), ended);
  }

  #scheduleCard(): HTMLElement {
    const schedules = this.#context.about?.schedules ?? [];
    return card(
      "Schedules",
      "What runs from time to time repairs what a crash has left; run it now.",
      h("ul", {}, ...schedules.map(({ name, when }) => {
        const run = () => void act(this.#context, `${name} has run.`, () => this.#context.local.runSchedule(name));
        return h("li", {}, h("span", {}, `${name}, ${when}`), h("button", { type: "button", "aria-label": `Run ${name} now`, onclick: run }, "Run"));
      })),
    );
  }
}

function card(title: string, sentence: string, ...children: HTMLElement[]): HTMLElement {
  return h("section", { class: "card stack" }, h("h2", {}, title), h("p", { class: "muted small" }, sentence), ...children);
}

function field(label: string, control: HTMLInputElement | HTMLSelectElement): HTMLElement {
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control);
}
