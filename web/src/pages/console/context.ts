import type { About, LocalCloud, State } from "../../console/local";
import { element, type Page, problemNotice } from "../page";
import { problemOf } from "../../problem";
import { copyText } from "../page";
import { h } from "../dom";

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
    element("problem").replaceChildren(problemNotice(problemOf(error)));
  }
  context.refresh();
}

/** A line of code, with a button that copies it. */
export function codeLine(code: string): HTMLElement {
  const copy = h("button", { type: "button", "aria-label": "Copy the line" }, "Copy");
  copy.addEventListener("click", () => void copyText(code, copy));
  return h("div", { class: "line" }, h("pre", { tabindex: "0" }, code), copy);
}
