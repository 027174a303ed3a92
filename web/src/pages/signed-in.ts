import { loadConfig } from "../config";
import { problemOf } from "../problem";
import { SignIn, SignInError } from "../sign-in";
import { element, paragraph, problemNotice, showState } from "./page";

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
    const again = document.createElement("button");
    again.type = "button";
    again.className = "primary";
    again.textContent = "Sign in again";
    again.addEventListener("click", () => void signIn.begin("/"));
    const notice = error instanceof SignInError ? paragraph(error.message) : problemNotice(problemOf(error));
    element("main").append(notice, again);
  }
}

void main();
