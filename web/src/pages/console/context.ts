import type { About, LocalCloud, State } from "../../console/local";
import { Refusal } from "../../console/refusal";
import { problemOf } from "../../problem";
import { h } from "../dom";
import { copyText, element, problemNotice, type Page } from "../page";

/** What the parts of the console share. */
export interface Context {
  page: Page;
  local: LocalCloud;
  about: About | null;
  state: State | null;
  user: () => string;
  /** Asks for the state at once: something was done. */
  refresh: () => void;
}

/** Does what somebody asked for, and says so, or why not. */
export async function act(context: Context, done: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
    element("problem").replaceChildren();
    element("announcer").textContent = done;
  } catch (error) {
    element("problem").replaceChildren(noticeOf(error));
  }
  context.refresh();
}

/** An error as people read it. */
export function noticeOf(error: unknown): HTMLElement {
  return error instanceof Refusal ? h("p", { class: "notice warn" }, error.message) : problemNotice(problemOf(error));
}

/** A line of code, with a button that copies it. */
export function codeLine(code: string): HTMLElement {
  const copy = h("button", { type: "button", "aria-label": "Copy the line" }, "Copy");
  copy.addEventListener("click", () => void copyText(code, copy));
  return h("div", { class: "line" }, h("pre", { tabindex: "0" }, code), copy);
}
