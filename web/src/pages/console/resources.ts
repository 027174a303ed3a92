import { ok } from "../../api";
import type { Resource, Row, Table } from "../../console/local";
import { lineOf, rowsOf, streamOf, tabAfter, TABS, timeOf, type Tab, type TabId } from "../../console/tabs";
import type { components } from "../../greenroom";
import { wrongName } from "../../home/home";
import { ownedBy } from "../../problem";
import { drawIfChanged, h } from "../dom";
import { copyText, element, showState } from "../page";
import { act, codeLine, type Context } from "./context";
import { Tiles } from "./tiles";

type Broadcast = components["schemas"]["Broadcast"];

/** The tabs in the middle. Lists come of the rows, which cost no request to the API; what one does goes through the API. */
export class Resources {
  readonly #context: Context;
  readonly #tiles: Tiles;
  #tab: TabId = "channels";
  #broadcasts: Broadcast[] = [];
  #broadcastsOf = "";
  #keys = new Map<string, string>();
  #differencesOnly = false;

  constructor(context: Context) {
    this.#context = context;
    this.#tiles = new Tiles(context);
    const picked = TABS.find(({ id }) => `#${id}` === location.hash);
    if (picked !== undefined) this.#tab = picked.id;
    element("tabs").append(...TABS.map(({ id, title }) => this.#button(id, title)));
    element("tabs").addEventListener("keydown", (event) => {
      const next = tabAfter(this.#tab, event.key);
      if (next === this.#tab) return;
      event.preventDefault();
      this.#pick(next);
      element(`tab-${next}`).focus();
    });
    this.#pick(this.#tab);
  }

  /** Shows what the state has by now. */
  draw(): void {
    const differences = this.#context.state?.differences ?? 0;
    element("tab-tables").textContent = differences === 0 ? "Tables" : `Tables (${differences} ${differences === 1 ? "difference" : "differences"})`;
    void this.#tiles.draw(this.#tab === "channels" && !document.hidden);
    const body = document.getElementById("rows");
    if (body === null) return;
    if (this.#tab === "tables") this.#drawTables(body);
    else if (this.#tab === "keys") this.#drawKeys(body);
    else this.#drawRows(body);
    if (this.#tab === "broadcasts") void this.#askBroadcasts();
  }

  /** Shows the tab as somebody else sees it. */
  anew(): void {
    this.#pick(this.#tab);
  }

  #button(id: TabId, title: string): HTMLElement {
    return h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": "panel", onclick: () => this.#pick(id) }, title);
  }

  #pick(id: TabId): void {
    this.#tab = id;
    history.replaceState(null, "", `#${id}`);
    for (const { id: other } of TABS) {
      element(`tab-${other}`).setAttribute("aria-selected", String(other === id));
      element(`tab-${other}`).tabIndex = other === id ? 0 : -1;
    }
    const tab = TABS.find((tab) => tab.id === id) as Tab;
    const { about } = this.#context;
    element("panel").setAttribute("aria-labelledby", `tab-${id}`);
    element("panel").replaceChildren(
      h("p", {}, tab.sentence),
      about === null ? "" : codeLine(lineOf(id, about, this.#context.user())),
      ...this.#form(id),
      ...(id === "channels" ? [this.#tiles.element] : []),
      h("div", { id: "rows", class: "stack" }),
    );
    this.draw();
    showState(id);
  }

  /** The button for the obvious. */
  #form(id: TabId): HTMLElement[] {
    const { api } = this.#context.page;
    if (id === "tables") {
      const only = h("input", { type: "checkbox" });
      only.checked = this.#differencesOnly;
      only.addEventListener("change", () => {
        this.#differencesOnly = only.checked;
        this.draw();
      });
      return [h("label", { class: "row small" }, only, "Only what differs")];
    }
    if (id !== "stages" && id !== "channels") return [];
    const what = id === "stages" ? "stage" : "channel";
    const name = h("input", { id: "new-name", value: "demo", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "wrong-name" });
    const wrong = h("span", { id: "wrong-name", class: "small", role: "alert" });
    const isPrivate = h("input", { type: "checkbox" });
    const make = (event: Event) => {
      event.preventDefault();
      const value = name.value.trim();
      wrong.textContent = wrongName(value) ?? "";
      if (wrong.textContent !== "") return;
      void act(this.#context, `The ${what} ${value} is there.`, async () => {
        const made =
          id === "stages"
            ? await ok(api.PUT("/stages/{stage}", { params: { path: { stage: value } } }))
            : await ok(api.PUT("/channels/{channel}", { params: { path: { channel: value } }, body: isPrivate.checked ? { private: true } : {} }));
        ownedBy(made, this.#context.user());
      });
    };
    return [
      h(
        "form",
        { class: "row", onsubmit: make, novalidate: true },
        h("div", { class: "field grow" }, h("label", { for: "new-name" }, `Name of a new ${what}`), name, wrong),
        id === "channels" ? h("label", { class: "row" }, isPrivate, "Private") : null,
        h("button", { class: "primary", type: "submit" }, `Make a ${what}`),
      ),
    ];
  }

  #drawRows(body: HTMLElement): void {
    const tab = TABS.find(({ id }) => id === this.#tab) as Tab;
    const rows = rowsOf(this.#context.state, tab.table ?? "");
    const live = tab.id === "channels" ? rows.map(({ item }) => streamOf(this.#context.state, String(item.name)).live) : [];
    const tasks = tab.id === "servers" ? (this.#context.state?.resources.filter(({ kind }) => kind === "task") ?? []) : [];
    const own = tab.id === "broadcasts" ? this.#broadcasts : [];
    drawIfChanged(body, [tab.id, this.#context.state === null, rows, live, tasks, own, this.#context.user()], () => [
      this.#context.state === null
        ? h("p", { class: "muted" }, "Asking the local cloud.")
        : rows.length === 0
          ? h("p", { class: "muted" }, `None yet. The line above makes the first one.`)
          : h(
              "div",
              { class: "wide" },
              h(
                "table",
                {},
                h("thead", {}, h("tr", {}, ...tab.columns.map(({ title }) => h("th", { scope: "col" }, title)), h("th", { scope: "col" }, "Do"))),
                h("tbody", {}, ...rows.map((row, index) => this.#row(tab, row, live[index] ?? false))),
              ),
            ),
      tasks.length === 0 ? null : this.#tasks(tasks),
      own.length === 0 ? null : this.#ownBroadcasts(own),
    ]);
  }

  #row(tab: Tab, row: Row, live: boolean): HTMLElement {
    const cells = tab.columns.map(({ of }, index) =>
      h("td", {}, of(row.item), index === 0 && live ? " " : null, index === 0 && live ? h("span", { class: "badge on-air" }, "Live") : null),
    );
    const differs = row.differences.length > 0;
    return h(
      "tr",
      differs ? { class: "differs", title: row.differences.join("; ") } : {},
      ...cells,
      h("td", {}, h("div", { class: "row" }, ...this.#actions(tab.id, row.item))),
    );
  }

  #actions(tab: TabId, item: Record<string, unknown>): (Node | null)[] {
    const { api } = this.#context.page;
    const mine = item.owner === this.#context.user();
    const name = String(item.name ?? item.channel ?? "");
    // The other tab is of the same user: what is stored for this one goes along.
    const link = (text: string, path: string, primary = false) =>
      h("a", { class: primary ? "button primary" : "button", href: `${path}/${encodeURIComponent(name)}`, target: "_blank", rel: "opener", "aria-label": `${text}: ${name}` }, text);
    const button = (text: string, of: string, done: string, action: () => Promise<unknown>) =>
      h("button", { type: "button", "aria-label": `${text}: ${of}`, onclick: () => void act(this.#context, done, action) }, text);
    switch (tab) {
      case "channels": {
        const remove = () => ok(api.DELETE("/channels/{channel}", { params: { path: { channel: name } } }));
        return [
          mine ? link("Go live", "/broadcast", true) : null,
          link("Watch", "/watch"),
          mine ? button("Delete", name, `The channel ${name} is deleted.`, remove) : null,
        ];
      }
      case "streams":
        return [link("Watch", "/watch")];
      case "stages": {
        const stage = String(item.name ?? item.stage ?? "");
        const remove = () => ok(api.DELETE("/stages/{stage}", { params: { path: { stage } } }));
        return [mine ? button("Delete", stage, `The stage ${stage} is deleted.`, remove) : null];
      }
      case "broadcasts": {
        const broadcast = String(item.broadcast);
        const end = () => ok(api.DELETE("/broadcasts/{broadcast}", { params: { path: { broadcast } } }));
        return [mine && item.state !== "ended" ? button("End", broadcast, "The broadcast ends.", end) : null];
      }
      default:
        return [];
    }
  }

  #tasks(tasks: Resource[]): HTMLElement {
    return h(
      "div",
      { class: "stack" },
      h("h2", {}, "Tasks of ECS"),
      h("div", { class: "wide" }, h("table", {}, h("tbody", {}, ...tasks.map((task) => h("tr", {}, h("td", {}, h("code", {}, task.arn.split("/").at(-1) ?? "")), h("td", {}, task.state ?? "")))))),
    );
  }

  #ownBroadcasts(broadcasts: Broadcast[]): HTMLElement {
    return h(
      "div",
      { class: "stack" },
      h("h2", {}, `What ${this.#context.user()} is told of them`),
      h("ul", { class: "small" }, ...broadcasts.map((one) =>
        h("li", {}, `${timeOf(one.createdAt)}: ${"channel" in one ? String(one.channel) : "saved settings"}, ${one.state}${one.endReason ? ` (${one.endReason})` : ""}`),
      )),
    );
  }

  /** Once for each change of the rows: the list is of the API, and each request is one on the right. */
  async #askBroadcasts(): Promise<void> {
    const now = JSON.stringify([this.#context.user(), rowsOf(this.#context.state, "-broadcasts").map(({ item }) => [item.broadcast, item.state, item.endReason])]);
    if (now === this.#broadcastsOf) return;
    this.#broadcastsOf = now;
    try {
      this.#broadcasts = (await ok(this.#context.page.api.GET("/broadcasts", { params: { query: { limit: 20 } } }))).items;
    } catch {
      this.#broadcasts = [];
    }
    this.draw();
  }

  #drawKeys(body: HTMLElement): void {
    const user = this.#context.user();
    const rows = rowsOf(this.#context.state, "-channels").filter(({ item }) => item.owner === user);
    const { about } = this.#context;
    drawIfChanged(body, ["keys", rows, [...this.#keys], user], () => [
      rows.length === 0 ? h("p", { class: "muted" }, `${user} has no channel yet. Make one in the tab Channels.`) : null,
      ...rows.map(({ item }) => {
        const channel = String(item.name);
        const key = this.#keys.get(`${user}/${channel}`);
        const params = { path: { channel } };
        const show = () => act(this.#context, "The stream key is shown.", async () => {
          this.#keys.set(`${user}/${channel}`, (await ok(this.#context.page.api.GET("/channels/{channel}/stream-key", { params }))).streamKey);
        });
        const rotate = () => act(this.#context, "The channel has another stream key.", async () => {
          this.#keys.set(`${user}/${channel}`, (await ok(this.#context.page.api.POST("/channels/{channel}/stream-key", { params }))).streamKey);
        });
        const hide = () => {
          this.#keys.delete(`${user}/${channel}`);
          this.draw();
        };
        const copy = h("button", { type: "button", "aria-label": `Copy the stream key of ${channel}` }, "Copy");
        copy.addEventListener("click", () => void copyText(key ?? "", copy));
        return h("div", { class: "row" },
          h("strong", { class: "grow" }, channel),
          key === undefined ? h("button", { type: "button", "aria-label": `Show the stream key of ${channel}`, onclick: () => void show() }, "Show") : h("code", {}, key),
          key === undefined ? null : copy,
          key === undefined ? null : h("button", { type: "button", "aria-label": `Hide the stream key of ${channel}`, onclick: hide }, "Hide"),
          h("button", { type: "button", "aria-label": `Another one: a new stream key for ${channel}`, onclick: () => void rotate() }, "Another one"));
      }),
      rows.length === 0 || about === null ? null : h("p", { class: "small muted" }, `In OBS: service “Custom…”, server ${about.addresses.rtmps}, and the key.`),
    ]);
  }

  #drawTables(body: HTMLElement): void {
    const { state } = this.#context;
    const differing = (table: Table) => ({ ...table, rows: table.rows.filter(({ differences }) => differences.length > 0) });
    const tables = (state?.tables ?? []).map((table) => (this.#differencesOnly ? differing(table) : table));
    const resources = new Map((state?.resources ?? []).map((resource) => [resource.arn, resource]));
    const orphans = (state?.resources ?? []).filter(({ differences }) => differences.length > 0);
    drawIfChanged(body, ["tables", tables, orphans], () => [
      h("p", {}, state === null ? "Asking the local cloud." : state.differences === 0 ? "Nothing differs." : "What differs is marked."),
      ...orphans.map(({ arn, kind, differences }) => h("p", { class: "notice warn small" }, h("span", {}, `${kind} `, h("code", {}, arn), `: ${differences.join("; ")}`))),
      ...tables.map((table) => this.#table(table, resources)),
    ]);
  }

  #table({ name, key, count, truncated, rows }: Table, resources: Map<string, Resource>): HTMLElement {
    const nameOf = ({ item }: Row) => key.map((part) => String(item[part] ?? "")).join(" / ");
    const open = document.getElementById(`table-${name}`)?.hasAttribute("open") ?? rows.some(({ differences }) => differences.length > 0);
    return h(
      "details",
      { id: `table-${name}`, open },
      h("summary", {}, `${name} (${count}${truncated ? " or more" : ""})`),
      ...rows.map((row) =>
        h(
          "details",
          { class: row.differences.length > 0 ? "notice warn" : "notice", open: row.differences.length > 0 },
          h("summary", {}, nameOf(row)),
          ...row.differences.map((difference) => h("p", {}, difference)),
          h(
            "div",
            { class: "side-by-side" },
            h("pre", { tabindex: "0", "aria-label": "The row" }, JSON.stringify(row.item, null, 2)),
            row.resources.length === 0
              ? h("p", { class: "muted small" }, "It names nothing of another service.")
              : h("pre", { tabindex: "0", "aria-label": "What AWS says" }, row.resources.map((arn) => JSON.stringify(resources.get(arn)?.description ?? `there is no ${arn}`, null, 2)).join("\n")),
          ),
        ),
      ),
    );
  }
}
