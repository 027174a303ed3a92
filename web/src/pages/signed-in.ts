import { loadConfig } from "../config";
import { problemOf } from "../problem";
import { SignIn, SignInError } from "../sign-in";
import { h } from "./dom";
import { element, problemNotice, showState } from "./page";

/** Where the provider's page leads back to: takes the code for tokens, and goes on to where the sign-in was begun. */
async function main(): Promise<void> {
  const signIn = new SignIn((await loadConfig()).signIn);
  try {
    // `replace`: the code is of no use a second time, so it leaves the history, too.
    location.replace(await signIn.complete(new URLSearchParams(location.search)));
  } catch (error) {
    history.replaceState(null, "", location.pathname);
    showState("failed");
    element("title").textContent = "You are not signed in";
    const again = h("button", { type: "button", class: "primary", onclick: () => void signIn.begin("/") }, "Sign in again");
    const notice = error instanceof SignInError ? h("p", {}, error.message) : problemNotice(problemOf(error));
    element("main").append(notice, again);
  }
}

void main();
