import { apiClient, nobody } from "../api";
import { systemClock } from "../clock";
import { Home, wrongName } from "../home/home";
import { drawIfChanged, h } from "./dom";
import { element, problemNotice, showState, startPage, timeOfDay, viewersText } from "./page";

const page = await startPage();
const signedIn = () => page.signIn.user !== null;
const home = new Home(apiClient(page.config.api, nobody), page.api, () => page.signIn.user?.id ?? null, systemClock);

home.addEventListener("change", draw);
page.signIn.addEventListener("change", () => void home.loadChannels());
element("begin").addEventListener("click", () => void page.signIn.begin(location.pathname));
element("make").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = element<HTMLInputElement>("name");
  const wrong = wrongName(name.value.trim());
  element("wrong").textContent = wrong ?? "";
  name.setAttribute("aria-invalid", String(wrong !== null));
  if (wrong !== null) name.focus();
  else void home.make(name.value.trim(), element<HTMLInputElement>("private").checked).then((made) => made && (name.value = ""));
});
draw();
void home.start();

function draw(): void {
  element("signed-out").hidden = signedIn();
  element("make").hidden = !signedIn();
  drawIfChanged(element("problem"), home.problem?.report, () => (home.problem === null ? [] : [problemNotice(home.problem)]));
  element("nothing").hidden = home.onAir === null || home.onAir.length > 0;
  element("on-air").setAttribute("aria-busy", String(home.onAir === null));
  drawIfChanged(element("on-air"), home.onAir, () =>
    (home.onAir ?? []).map(({ channel, startedAt, viewerCount }) => {
      const since = startedAt === null ? "" : `since ${timeOfDay(startedAt)}`;
      const viewers = viewerCount === null ? "" : viewersText(viewerCount);
      return tile(channel, [since, viewers].filter(Boolean).join(" · "), true, [["Watch", `/watch/${channel}`]]);
    }),
  );
  const live = new Set((home.onAir ?? []).map(({ channel }) => channel));
  drawIfChanged(element("mine"), [home.channels, [...live]], () =>
    (home.channels ?? []).map((channel) =>
      tile(channel.name, channel.private ? "Private" : "Public", live.has(channel.name), [
        ["Go live", `/broadcast/${channel.name}`],
        ["Watch", `/watch/${channel.name}`],
      ]),
    ),
  );
  showState(home.onAir === null ? "loading" : signedIn() ? "signed-in" : "signed-out");
}

function tile(name: string, text: string, live: boolean, links: [string, string][]): HTMLLIElement {
  return h(
    "li",
    { class: "card" },
    h("h3", {}, name),
    h("p", { class: "muted small" }, ...(live ? [h("span", { class: "badge on-air" }, "Live"), " "] : []), text),
    h(
      "div",
      { class: "row" },
      ...links.map(([label, href], index) =>
        h("a", { class: index === 0 ? "button primary" : "button", href, "aria-label": `${label}: ${name}` }, label),
      ),
    ),
  );
}
