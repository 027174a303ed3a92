import { codePoints, LONGEST_MESSAGE, systemClock, type ChatEvent, type ChatMessage, type ChatSettings } from "../../../clients/typescript/chat/index.js";
import { ChatPanel, type Action } from "../chat/panel";
import { ChannelChat } from "../chat/service";
import { drawIfChanged, h } from "./dom";
import { element, fold, timeOfDay, type Page } from "./page";

/** So near to the end counts as the end. */
const END_PIXELS = 40;

const ROLES: Record<string, string> = { owner: "owner", moderator: "moderator" };

/** Brings the page's chat to life. It is open while somebody is signed in, from the first `open()` on; `heard` gets what the service pushes. */
export function startChat(page: Page, channel: string, heard: (event: ChatEvent) => void): ChatPanel {
  const { signIn } = page;
  const panel = new ChatPanel(
    new ChannelChat(page.config.api, channel, signIn),
    {
      // Amazon's client is loaded when there is somebody to chat.
      makeRoom: async (options) => (await import("../../../clients/typescript/chat/ivs.js")).ivsRoom(options),
      clock: systemClock,
      random: Math.random,
      store: localStorage,
      isOnline: () => navigator.onLine,
    },
    channel,
    heard,
  );
  new ChatView(page, panel);
  signIn.addEventListener("change", () => {
    // Somebody else's conversation is another one.
    panel.close();
    if (signIn.user !== null) panel.open();
  });
  addEventListener("online", () => panel.retryNow());
  addEventListener("offline", () => panel.dispatchEvent(new Event("change")));
  return panel;
}

class ChatView {
  readonly #panel: ChatPanel;
  readonly #scroll = element("chat-scroll");
  readonly #list = element("chat-list");
  readonly #text = element<HTMLTextAreaElement>("chat-text");
  readonly #items = new Map<string, HTMLLIElement>();
  #role: string | null = null;
  #settings: ChatSettings | null = null;
  #drawing = false;

  constructor(page: Page, panel: ChatPanel) {
    this.#panel = panel;
    element("chat-sign-in").addEventListener("click", () => void page.signIn.begin(location.pathname + location.search));
    element("chat-again").addEventListener("click", () => (panel.state === "failed" || panel.state === "removed" ? panel.again() : panel.retryNow()));
    element("chat-new").addEventListener("click", () => {
      this.#toEnd();
      this.#scroll.focus();
    });
    this.#scroll.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
      panel.unread.scrolled(scrollHeight - scrollTop - clientHeight < END_PIXELS);
      this.#drawUnread();
    });
    // A list that becomes smaller, such as under a phone's keyboard, stays at its end.
    new ResizeObserver(() => panel.unread.atEnd && this.#toEnd()).observe(this.#scroll);
    element("chat-agree").addEventListener("click", () => {
      panel.agree();
      this.#text.focus();
    });
    element("chat-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.#text.addEventListener("input", () => this.#drawComposer());
    this.#text.addEventListener("keydown", (event) => {
      // What completes a character of another script is no end of a message.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      void this.#send();
    });
    element("chat-name-form").addEventListener("submit", (event) => {
      event.preventDefault();
      panel.rename(element<HTMLInputElement>("chat-name").value);
    });
    element<HTMLDetailsElement>("chat-moderated").addEventListener("toggle", (event) => {
      if ((event.target as HTMLDetailsElement).open) void panel.loadModerated();
    });
    element<HTMLDetailsElement>("chat-settings").addEventListener("toggle", (event) => {
      if ((event.target as HTMLDetailsElement).open) void panel.loadSettings();
    });
    element("chat-settings-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const rules = element<HTMLTextAreaElement>("chat-settings-rules").value;
      const slowModeSeconds = element<HTMLInputElement>("chat-settings-slow").valueAsNumber;
      void panel.saveSettings({ rules, slowModeSeconds, words: element<HTMLTextAreaElement>("chat-settings-words").value });
    });
    // All that changes within one turn is drawn at once.
    panel.addEventListener("change", () => {
      if (this.#drawing) return;
      this.#drawing = true;
      queueMicrotask(() => {
        this.#drawing = false;
        this.#draw();
      });
    });
    this.#draw();
  }

  async #send(): Promise<void> {
    const text = this.#text.value;
    if (!this.#panel.maySend(text)) return;
    if (await this.#panel.send(text)) {
      // What was written meanwhile stays.
      if (this.#text.value === text) this.#text.value = "";
      this.#toEnd();
    }
    this.#drawComposer();
  }

  #draw(): void {
    const panel = this.#panel;
    const { state, text } = panel;
    const box = element("chat");
    if (box.dataset.chat !== state) box.dataset.chat = state;
    element("chat-status").hidden = state === "connected";
    setText("chat-title-now", text.title);
    setText("chat-text-now", text.text);
    // A countdown is not read out each second.
    const spoken = state === "reconnecting" || state === "waiting" ? text.title : `${text.title}. ${text.text}`;
    setText("chat-announcer", panel.notice ?? spoken);
    element("chat-sign-in").hidden = state !== "signed-out";
    element("chat-again").hidden = !["reconnecting", "waiting", "removed", "failed"].includes(state);
    drawIfChanged(element("chat-details"), panel.report, () => (panel.report === null ? [] : [fold(panel.report)]));
    this.#drawMessages();
    this.#drawUnread();
    this.#drawComposer();
    this.#drawModerated();
    this.#drawSettings();
  }

  #drawMessages(): void {
    const { all } = this.#panel.messages;
    const role = this.#panel.session?.role ?? null;
    if (role !== this.#role) {
      // Other messages have a menu now.
      this.#role = role;
      this.#items.clear();
      this.#list.replaceChildren();
    }
    const shown = new Set(all.map(({ id }) => id));
    for (const [id, item] of this.#items) {
      if (shown.has(id)) continue;
      // Whoever was at it goes on in the list.
      if (item.contains(document.activeElement)) this.#scroll.focus();
      item.remove();
      this.#items.delete(id);
    }
    let added = false;
    for (const message of all) {
      if (this.#items.has(message.id)) continue;
      const item = this.#item(message);
      this.#items.set(message.id, item);
      this.#list.append(item);
      added = true;
    }
    element("chat-empty").hidden = all.length > 0 || this.#panel.state === "signed-out";
    if (added && this.#panel.unread.atEnd) this.#toEnd();
  }

  #item(message: ChatMessage): HTMLLIElement {
    const { displayName, userId, role, content, sentAt } = message;
    const badge = ROLES[role ?? ""];
    const item = h(
      "li",
      {},
      h(
        "p",
        { class: "chat-by" },
        h("span", { class: "chat-sender", title: userId }, displayName ?? userId),
        badge === undefined ? null : h("span", { class: "badge" }, badge),
        h("time", { class: "muted small", datetime: new Date(sentAt).toISOString() }, timeOfDay(sentAt)),
      ),
      h("p", { class: "chat-content" }, content),
    );
    if (this.#panel.actionsFor(message).length > 0) this.#addMenu(item, message);
    return item;
  }

  /** The owner's and moderators' menu: a button, and the buttons that it shows. */
  #addMenu(item: HTMLLIElement, message: ChatMessage): void {
    const id = `chat-menu-${message.id}`;
    const menu = h("div", { class: "chat-menu", id, hidden: true, role: "group", "aria-label": "Moderate" });
    const name = message.displayName ?? message.userId;
    const button = h("button", { type: "button", class: "chat-more", "aria-expanded": "false", "aria-controls": id, "aria-label": `Moderate ${name}'s message` }, "⋯");
    const show = (shown: boolean) => {
      menu.hidden = !shown;
      button.ariaExpanded = String(shown);
      if (shown) {
        menu.replaceChildren(...this.#panel.actionsFor(message).map((action) => this.#actionButton(action, () => show(false))));
        menu.scrollIntoView({ block: "nearest" });
        menu.querySelector("button")?.focus();
      } else if (menu.contains(document.activeElement) || document.activeElement === document.body) button.focus();
    };
    button.addEventListener("click", () => show(menu.hidden));
    item.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || menu.hidden) return;
      event.stopPropagation();
      button.focus();
      show(false);
    });
    item.querySelector(".chat-by")?.append(button);
    item.append(menu);
  }

  #actionButton(action: Action, done: () => void = () => {}): HTMLButtonElement {
    const button = h("button", { type: "button", "data-action": action.name }, action.label);
    button.addEventListener("click", () => {
      button.disabled = true;
      void this.#panel.act(action).finally(done);
    });
    return button;
  }

  #drawUnread(): void {
    const { count } = this.#panel.unread;
    element("chat-new").hidden = count === 0;
    setText("chat-new", count === 1 ? "1 new message" : `${count} new messages`);
  }

  #drawComposer(): void {
    const panel = this.#panel;
    const { state, rulesToAgree: rules, session } = panel;
    const writes = state === "connected" || (state === "reconnecting" && session?.capabilities.includes("SEND_MESSAGE") === true);
    element("chat-rules").hidden = !writes || rules === null;
    setText("chat-rules-text", rules ?? "");
    element("chat-form").hidden = !writes || rules !== null;
    element("chat-name-fold").hidden = !writes;
    const text = this.#text.value;
    const length = codePoints(text);
    const counter = element("chat-counter");
    counter.textContent = `${length}/${LONGEST_MESSAGE}`;
    counter.classList.toggle("over-long", length > LONGEST_MESSAGE);
    this.#text.setAttribute("aria-invalid", String(length > LONGEST_MESSAGE));
    element<HTMLButtonElement>("chat-send").disabled = !panel.maySend(text);
    const slow = panel.slowSeconds;
    setText("chat-slow", slow > 0 ? `Slow mode: again in ${slow} s` : (session?.slowModeSeconds ?? 0) > 0 ? `Slow mode: one message each ${session?.slowModeSeconds} s` : "");
    element("chat-notice").hidden = panel.notice === null;
    setText("chat-notice", panel.notice ?? "");
    setText("chat-as", panel.name);
    setText("chat-name-problem", panel.nameProblem ?? "");
    element("chat-name").setAttribute("aria-invalid", String(panel.nameProblem !== null));
    if (panel.nameProblem !== null) element<HTMLDetailsElement>("chat-name-fold").open = true;
  }

  #drawModerated(): void {
    const panel = this.#panel;
    const { moderated, session } = panel;
    element("chat-moderated").hidden = !panel.connected || (session?.role !== "owner" && session?.role !== "moderator");
    drawIfChanged(element("chat-moderated-list"), moderated, () => {
      if (moderated === null) return [];
      if (moderated.length === 0) return [h("li", { class: "muted" }, "Nobody.")];
      return moderated.map(({ user, actions }) =>
        h("li", {}, h("span", {}, user.displayName ?? user.userId), h("div", { class: "row" }, ...actions.map((action) => this.#actionButton(action)))),
      );
    });
  }

  #drawSettings(): void {
    const { connected, session, settings } = this.#panel;
    element("chat-settings").hidden = !connected || session?.role !== "owner";
    // What somebody is writing stays until there are others.
    if (settings === null || settings === this.#settings) return;
    this.#settings = settings;
    element<HTMLTextAreaElement>("chat-settings-rules").value = settings.rules ?? "";
    element<HTMLInputElement>("chat-settings-slow").valueAsNumber = settings.slowModeSeconds;
    element<HTMLTextAreaElement>("chat-settings-words").value = (settings.words ?? []).join("\n");
  }

  #toEnd(): void {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#panel.unread.scrolled(true);
    this.#drawUnread();
  }
}

/** Sets the text of an element, unless it is there: a live region would say it again. */
function setText(id: string, text: string): void {
  const found = element(id);
  if (found.textContent !== text) found.textContent = text;
}
