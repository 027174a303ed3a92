import type { ChatMessage } from "../../../clients/typescript/chat/index.js";

/** What is kept of a conversation: the oldest go. */
export const KEPT = 300;
/** Deletions are remembered for messages that have not come yet. */
const DELETED_KEPT = 1000;

/** The messages to show, as they came. */
export class MessageList {
  #messages: ChatMessage[] = [];
  readonly #deleted = new Set<string>();

  get all(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Whether there is one more to show: none that is there already, and none that was deleted before it came. */
  add(message: ChatMessage): boolean {
    if (this.#deleted.has(message.id) || this.#messages.some(({ id }) => id === message.id)) return false;
    this.#messages.push(message);
    if (this.#messages.length > KEPT) this.#messages.splice(0, this.#messages.length - KEPT);
    return true;
  }

  delete(id: string): void {
    this.#messages = this.#messages.filter((message) => message.id !== id);
    this.#deleted.add(id);
    if (this.#deleted.size <= DELETED_KEPT) return;
    for (const oldest of this.#deleted) {
      this.#deleted.delete(oldest);
      break;
    }
  }
}

/** How many messages came since somebody who scrolled up saw the end. */
export class Unread {
  #count = 0;
  #atEnd = true;

  get count(): number {
    return this.#count;
  }

  /** Whether to stay at the end as messages come. */
  get atEnd(): boolean {
    return this.#atEnd;
  }

  added(): void {
    if (!this.#atEnd) this.#count += 1;
  }

  scrolled(atEnd: boolean): void {
    this.#atEnd = atEnd;
    if (atEnd) this.#count = 0;
  }
}
