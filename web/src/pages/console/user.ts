import { h } from "../dom";
import { copyText, element } from "../page";
import { act, type Context } from "./context";

const DEFAULT_USER = "alice";
/** The local cloud's tokens are good for this long, and never for less. */
const TOKEN_SECONDS = 12 * 3600;

/** Makes one that user in this tab. */
export async function be({ page, local }: Context, user: string): Promise<void> {
  page.signIn.adopt(await local.token(user, TOKEN_SECONDS), TOKEN_SECONDS);
}

/** Who one is: picked or typed; the links to other pages take it along. */
export async function showUser(context: Context): Promise<void> {
  const { signIn } = context.page;
  const field = element<HTMLInputElement>("user");
  element("be").addEventListener("submit", (event) => {
    event.preventDefault();
    const user = field.value.trim();
    if (user !== "") void act(context, `You are ${user}.`, () => be(context, user));
  });
  element("copy-token").addEventListener("click", (event) => {
    void signIn.token().then((token) => copyText(token ?? "", event.target as HTMLButtonElement));
  });
  const listUsers = async () => {
    const users = await context.local.users().catch(() => []);
    element("users").replaceChildren(...users.map((user) => new Option(user, user)));
  };
  field.addEventListener("focus", () => void listUsers());
  // A token of before a reset is of keys that are no more: another is had each time.
  await be(context, signIn.user?.id || DEFAULT_USER);
  field.value = context.user();
}

/** What runs, and where. */
export function showAbout({ about }: Context): void {
  if (about === null) return;
  const { addresses, dataDir, template, region, version } = about;
  const pairs: [string, string][] = [
    ["API", addresses.api],
    ["AWS endpoint", addresses.aws],
    ["Send video", addresses.rtmps],
    ["Send, without TLS", addresses.rtmp],
    ["Watch", addresses.playback],
    ["Template", template],
    ["Region", region],
    ["State is kept in", dataDir ?? "nowhere: it is forgotten at the end"],
    ["Version", version],
  ];
  element("stack").textContent = about.stack;
  element("runs").replaceChildren(...pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
