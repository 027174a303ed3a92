import {
  ChatClient,
  ChatError,
  codePoints,
  LONGEST_MESSAGE,
  type ChatEnvironment,
  type ChatEvent,
  type ChatMessage,
  type ChatService,
  type ChatSession,
  type ChatSettings,
  type ChatSettingsChanges,
  type Failure,
  type ModeratedUser,
  type Moderation,
} from "../../../clients/typescript/chat/index.js";
import { fill } from "../fill";
import { problemOf } from "../problem";
import { MessageList, Unread } from "./messages";
import { agreedTo, rememberAgreement, rememberedName, rememberName, type Store } from "./remembered";
import { ACTIONS, CHAT_STATES, SEND_TEXTS, SETTINGS_SAVED, type ActionName, type ChatStateName } from "./states";

/** What the panel asks of the API; moderation goes through it, so that it is in the owner's log. */
export interface PanelService extends ChatService {
  deleteMessage(messageId: string): Promise<unknown>;
  moderate(userId: string, change: Moderation): Promise<unknown>;
  /** Bars and disconnects. */
  remove(userId: string): Promise<unknown>;
  /** All whom moderation has changed something for. */
  moderated(): Promise<ModeratedUser[]>;
  settings(): Promise<ChatSettings>;
  changeSettings(changes: ChatSettingsChanges): Promise<ChatSettings>;
}

export interface PanelEnvironment extends ChatEnvironment {
  store: Store;
  isOnline: () => boolean;
}

/** Something to do about a message or a user. */
export interface Action {
  name: ActionName;
  label: string;
  /** The message to delete; otherwise it is about the user. */
  messageId: string | null;
  userId: string;
}

/** How long a display name may be, in code points. */
export const LONGEST_NAME = 50;
const TICK_MS = 1000;

/** The chat beside a picture: what is shown, and what may be done. Says `change` whenever one of its members did. */
export class ChatPanel extends EventTarget {
  readonly channel: string;
  readonly messages = new MessageList();
  readonly unread = new Unread();
  readonly #service: PanelService;
  readonly #environment: PanelEnvironment;
  readonly #client: ChatClient;
  readonly #heard: (event: ChatEvent) => void;
  #open = false;
  #wasConnected = false;
  #wasMuted = false;
  #named: string | null = null;
  #sending = false;
  #writeAfter = 0;
  #notice: string | null = null;
  #nameProblem: string | null = null;
  #moderated: ModeratedUser[] | null = null;
  #settings: ChatSettings | null = null;
  readonly #changes = new Map<string, Moderation>();
  #cancelTick: (() => void) | null = null;

  /** `heard` gets each event that the service pushes to the room. */
  constructor(service: PanelService, environment: PanelEnvironment, channel: string, heard: (event: ChatEvent) => void) {
    super();
    this.#service = service;
    this.#environment = environment;
    this.channel = channel;
    this.#heard = heard;
    this.#client = new ChatClient(service, environment, {
      onChange: () => this.#clientChanged(),
      onMessage: (message) => {
        if (!this.messages.add(message)) return;
        this.unread.added();
        this.#changed();
      },
      onDelete: (id) => {
        this.messages.delete(id);
        this.#changed();
      },
      onEvent: (event) => this.#heard(event),
    });
  }

  /** Begins, for whoever is signed in. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#start(rememberedName(this.#environment.store));
  }

  /** Ends: nobody is signed in, or there is nothing to chat about. */
  close(): void {
    this.#open = false;
    this.#wasConnected = false;
    this.#client.stop();
  }

  /** Begins anew, such as after somebody was let back in. */
  again(): void {
    if (this.#open) this.#start(this.#named);
  }

  /** Tries at once, such as when the network is back. */
  retryNow(): void {
    this.#client.retryNow();
  }

  get state(): ChatStateName {
    const { state, session } = this.#client;
    if (!this.#open) return "signed-out";
    switch (state.name) {
      case "off":
      case "connecting":
        return "connecting";
      case "connected":
        if (session?.capabilities.includes("SEND_MESSAGE")) return "connected";
        return this.#wasMuted ? "muted" : "read-only";
      case "reconnecting":
        if (!this.#environment.isOnline()) return "offline";
        return this.#wasConnected ? "reconnecting" : "waiting";
      case "removed":
        return "removed";
      case "refused":
        return refusedState(state.failure);
    }
  }

  /** Whether events come. */
  get connected(): boolean {
    return this.#client.state.name === "connected";
  }

  get session(): ChatSession | null {
    return this.#client.session;
  }

  /** What people read of the state. */
  get text(): { title: string; text: string } {
    const { state } = this.#client;
    const { title, text } = CHAT_STATES[this.state];
    const seconds = state.name === "reconnecting" && state.retryAt !== null ? this.#secondsUntil(state.retryAt) : 0;
    return {
      title,
      text: fill(text, {
        channel: this.channel,
        when: seconds > 0 ? ` in ${seconds} s` : "",
        problem: state.name === "refused" ? problemOf(state.failure.error).message : "",
      }),
    };
  }

  /** What can be copied into a complaint; `null` while there is nothing to complain of. */
  get report(): string | null {
    const { state } = this.#client;
    return state.name === "refused" && this.state === "failed" ? problemOf(state.failure.error).report : null;
  }

  /** What happened last, to be read once. */
  get notice(): string | null {
    return this.#notice;
  }

  /** What is wrong with the name that was asked for. */
  get nameProblem(): string | null {
    return this.#nameProblem;
  }

  /** What others see as the sender. */
  get name(): string {
    return this.session?.displayName ?? this.session?.userId ?? "";
  }

  /** Rules to agree with before writing; `null` when there are none, or they were agreed to. The owner has written them. */
  get rulesToAgree(): string | null {
    const { session } = this;
    if (session?.rules == null || session.role === "owner") return null;
    return agreedTo(this.#environment.store, this.channel, session.rules) ? null : session.rules;
  }

  /** Seconds until slow mode takes another message. */
  get slowSeconds(): number {
    return this.#secondsUntil(this.#writeAfter);
  }

  get sending(): boolean {
    return this.#sending;
  }

  /** Whether this text may be sent now. */
  maySend(text: string): boolean {
    const length = codePoints(text);
    return this.#client.maySend && !this.#sending && this.slowSeconds === 0 && this.rulesToAgree === null && text.trim() !== "" && length <= LONGEST_MESSAGE;
  }

  agree(): void {
    const { session } = this;
    if (session?.rules != null) rememberAgreement(this.#environment.store, this.channel, session.rules);
    this.#changed();
  }

  /** Sends a text; whether it is there. What went wrong is the notice. */
  async send(text: string): Promise<boolean> {
    if (!this.maySend(text)) return false;
    this.#sending = true;
    this.#say(null);
    try {
      await this.#client.send(text);
      this.#slowDown();
      return true;
    } catch (error) {
      const { code, message } = error instanceof ChatError ? error : new ChatError("failed", String(error));
      this.#say(fill(SEND_TEXTS[code], { reason: message.replace(/\.$/, "") }));
      return false;
    } finally {
      this.#sending = false;
      this.#changed();
    }
  }

  /** Asks for another name, which others may have. */
  rename(name: string): void {
    const wanted = name.trim();
    this.#nameProblem = wanted === "" ? "Type a name." : codePoints(wanted) > LONGEST_NAME ? `A name has at most ${LONGEST_NAME} characters.` : null;
    if (this.#nameProblem === null && this.#open) this.#start(wanted);
    else this.#changed();
  }

  /** What this user may do about a message: nobody moderates the owner, and moderators do not moderate each other. */
  actionsFor({ id, userId, displayName, role }: ChatMessage): Action[] {
    const { session } = this;
    if (session === null || (session.role !== "owner" && session.role !== "moderator")) return [];
    const action = (name: ActionName): Action => ({ name, label: this.#words(ACTIONS[name].label, displayName ?? userId), messageId: name === "delete" ? id : null, userId });
    if (userId === session.userId) return [action("delete")];
    const now = this.#changes.get(userId) ?? {};
    const moderates = now.moderator ?? role === "moderator";
    if (role === "owner" || (moderates && session.role !== "owner")) return [];
    const actions = [action("delete"), action(now.muted ? "unmute" : "mute"), action(now.removed ? "readmit" : "remove")];
    if (session.role === "owner") actions.push(action(moderates ? "demote" : "promote"));
    return actions;
  }

  /** Those whom moderation has changed something for; `null` before they were asked for. */
  get moderated(): { user: ModeratedUser; actions: Action[] }[] | null {
    const { session } = this;
    if (this.#moderated === null || session === null) return null;
    return this.#moderated
      .map((user) => ({ ...user, ...this.#changes.get(user.userId) }))
      .filter(({ moderator, muted, removed }) => moderator || muted || removed)
      .map((user) => {
        const action = (name: ActionName): Action => ({ name, label: this.#words(ACTIONS[name].label, user.displayName ?? user.userId), messageId: null, userId: user.userId });
        const actions: Action[] = [];
        if (user.muted) actions.push(action("unmute"));
        if (user.removed) actions.push(action("readmit"));
        if (user.moderator && session.role === "owner") actions.push(action("demote"));
        return { user, actions };
      });
  }

  async loadModerated(): Promise<void> {
    try {
      this.#moderated = await this.#service.moderated();
      for (const { userId, moderator, muted, removed } of this.#moderated) this.#changes.set(userId, { moderator, muted, removed });
      this.#changed();
    } catch (error) {
      this.#say(problemOf(error).message);
    }
  }

  /** What holds in this chat, for the owner to change; `null` before it was asked for. */
  get settings(): ChatSettings | null {
    return this.#settings;
  }

  async loadSettings(): Promise<void> {
    try {
      this.#settings = await this.#service.settings();
      this.#changed();
    } catch (error) {
      this.#say(problemOf(error).message);
    }
  }

  /** Changes it, and says so. Words are one a line. */
  async saveSettings({ rules, slowModeSeconds, words }: { rules: string; slowModeSeconds: number; words: string }): Promise<void> {
    const listed = words.split("\n").map((word) => word.trim()).filter((word) => word !== "");
    try {
      this.#settings = await this.#service.changeSettings({ rules: rules.trim(), slowModeSeconds, words: listed });
      this.#say(SETTINGS_SAVED);
    } catch (error) {
      this.#say(problemOf(error).message);
    }
  }

  /** Does it, and says so. */
  async act({ name, messageId, userId }: Action): Promise<void> {
    const user = this.messages.all.find((message) => message.userId === userId)?.displayName ?? userId;
    try {
      switch (name) {
        case "delete":
          if (messageId === null) return;
          await this.#service.deleteMessage(messageId);
          this.messages.delete(messageId);
          break;
        case "remove":
          await this.#service.remove(userId);
          this.#changes.set(userId, { ...this.#changes.get(userId), removed: true });
          break;
        default: {
          const change: Moderation =
            name === "mute" || name === "unmute" ? { muted: name === "mute" } : name === "readmit" ? { removed: false } : { moderator: name === "promote" };
          await this.#service.moderate(userId, change);
          this.#changes.set(userId, { ...this.#changes.get(userId), ...change });
        }
      }
      this.#say(this.#words(ACTIONS[name].done, user));
      if (this.#moderated !== null && name !== "delete") await this.loadModerated();
    } catch (error) {
      this.#say(problemOf(error).message);
    }
  }

  #words(text: string, user: string): string {
    return fill(text, { user });
  }

  #start(name: string | null): void {
    this.#named = name;
    this.#notice = null;
    this.#client.start(name === null ? {} : { displayName: name });
  }

  #clientChanged(): void {
    const { state, session } = this.#client;
    if (state.name === "refused" && this.#named !== null && isAboutName(state.failure)) {
      // Under the name that this user has without it.
      this.#nameProblem = problemOf(state.failure.error).message;
      this.#start(null);
      return;
    }
    if (state.name === "connected") {
      if (this.#named !== null && session?.displayName === this.#named) {
        rememberName(this.#environment.store, this.#named);
        this.#nameProblem = null;
      }
      const mayWrite = session?.capabilities.includes("SEND_MESSAGE") === true;
      // Those who may not write from the beginning are not muted, as far as this page knows.
      if (mayWrite) this.#wasMuted = false;
      else if (this.#wasConnected) this.#wasMuted = true;
      this.#wasConnected = true;
    }
    this.#tick();
    this.#changed();
  }

  #slowDown(): void {
    const { session } = this;
    if (session === null || session.slowModeSeconds === 0 || session.role === "owner" || session.role === "moderator") return;
    this.#writeAfter = this.#environment.clock.now() + 1000 * session.slowModeSeconds;
    this.#tick();
  }

  #secondsUntil(time: number): number {
    return Math.max(0, Math.ceil((time - this.#environment.clock.now()) / 1000));
  }

  /** Counts down while there is something to count. */
  #tick(): void {
    if (this.#cancelTick !== null) return;
    if (this.slowSeconds === 0 && this.#client.state.name !== "reconnecting") return;
    this.#cancelTick = this.#environment.clock.after(TICK_MS, () => {
      this.#cancelTick = null;
      this.#changed();
      this.#tick();
    });
  }

  #say(notice: string | null): void {
    this.#notice = notice;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

function refusedState({ status }: Failure): ChatStateName {
  switch (status) {
    case 401:
      return "signed-out";
    case 403:
      return "not-allowed";
    case 404:
      return "not-found";
    default:
      return "failed";
  }
}

/** The name is taken, or is none: whoever asked without one would get a token. */
function isAboutName({ status }: Failure): boolean {
  return status === 400 || status === 409;
}
