import { apiClient, type Api } from "../api";
import { loadConfig, type Config } from "../config";
import type { Problem } from "../problem";
import { SignIn } from "../sign-in";
import { h } from "./dom";

/** What each page has. */
export interface Page {
  config: Config;
  signIn: SignIn;
  api: Api;
}

/** Loads the configuration. */
export async function loadPage(): Promise<Page> {
  const config = await loadConfig();
  const signIn = new SignIn(config.signIn);
  return { config, signIn, api: apiClient(config.api, signIn) };
}

/** Loads the configuration, and brings the header to life. */
export async function startPage(): Promise<Page> {
  const page = await loadPage();
  const { signIn } = page;
  const showUser = () => {
    element("who").textContent = signIn.user?.name ?? "";
    element("sign-in").hidden = signIn.user !== null;
    element("sign-out").hidden = signIn.user === null;
  };
  signIn.addEventListener("change", showUser);
  element("sign-in").addEventListener("click", () => void signIn.begin(location.pathname + location.search));
  element("sign-out").addEventListener("click", () => signIn.signOut());
  showUser();
  return page;
}

/** The element with that id. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** Says which state the page is in: styles and tests go by it. */
export function showState(state: string): void {
  if (document.body.dataset.state !== state) document.body.dataset.state = state;
}

/** The path's part after the page's own: `demo` of `/watch/demo`; `null` when there is none. */
export function nameInPath(path = location.pathname): string | null {
  try {
    return decodeURIComponent(path.split("/")[2] ?? "") || null;
  } catch {
    return null;
  }
}

/** `1 viewer`, `2 viewers`. */
export function viewersText(count: number): string {
  return count === 1 ? "1 viewer" : `${count} viewers`;
}

/** Hours and minutes, as this browser's user writes them. */
export function timeOfDay(when: number | string): string {
  return new Date(when).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** A problem as people read it: the sentence, and the rest in a fold. */
export function problemNotice(problem: Problem): HTMLElement {
  return h("div", { class: "notice warn" }, h("p", {}, problem.message), fold(problem.report));
}

/** Details to copy, folded away. */
export function fold(text: string): HTMLElement {
  const copy = h("button", { type: "button", onclick: () => void copyText(text, copy) }, "Copy");
  return h("details", {}, h("summary", {}, "Details"), h("pre", {}, text), copy);
}

/** Copies, and says on the button that it did. */
export async function copyText(text: string, button: HTMLButtonElement): Promise<void> {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select it and press Ctrl+C";
  }
  setTimeout(() => (button.textContent = label), 2000);
}
