import { LocalCloud } from "../console/local";
import { Bottom } from "./console/bottom";
import { act, noticeOf, type Context } from "./console/context";
import { showRequests } from "./console/requests";
import { Resources } from "./console/resources";
import { be, showAbout, showUser } from "./console/user";
import { element, loadPage, showState } from "./page";

const POLL_MS = 2000;

const page = await loadPage();
const local = new LocalCloud(page.config.api);
const context: Context = {
  page,
  local,
  about: null,
  state: null,
  user: () => page.signIn.user?.id ?? "",
  refresh: () => void look(),
};
let lost = false;
let looking = false;
let resources: Resources | null = null;
let bottom: Bottom | null = null;

try {
  showRequests(context);
  [context.about] = await Promise.all([local.about(), showUser(context)]);
  showAbout(context);
  resources = new Resources(context);
  bottom = new Bottom(context);
  page.signIn.addEventListener("change", () => resources?.anew());
  element("reset").addEventListener("click", reset);
  document.addEventListener("visibilitychange", () => document.hidden || context.refresh());
  await look();
  setInterval(() => document.hidden || void look(), POLL_MS);
} catch (error) {
  showState("failed");
  element("problem").replaceChildren(noticeOf(error));
}

/** Asks what there is, and shows it. */
async function look(): Promise<void> {
  if (looking) return;
  looking = true;
  try {
    const [state] = await Promise.all([local.state(), bottom?.draw()]);
    context.state = state;
    resources?.draw();
    if (lost) element("problem").replaceChildren();
    lost = false;
  } catch (error) {
    if (!lost) element("problem").replaceChildren(noticeOf(error));
    lost = true;
  } finally {
    looking = false;
  }
}

async function reset(): Promise<void> {
  if (!confirm("Forget everything: stages, channels, streams, and who has a token?")) return;
  await act(context, "Everything is forgotten.", async () => {
    await local.reset();
    await be(context, context.user());
  });
}
