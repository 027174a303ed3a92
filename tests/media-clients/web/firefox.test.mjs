/** From the camera of Debian's Firefox, whose recorder makes VP8, to a picture with sound in Chromium. */
import { after, before, test } from "node:test";

import { AUTOPLAY, startChromium } from "../browsers.mjs";
import { channel } from "../cloud.mjs";
import { Firefox } from "./firefox.mjs";
import { API, servers, Tab } from "./studio.mjs";

let chromium;
before(async () => {
  chromium = await startChromium(AUTOPLAY);
  await servers(1);
});
after(() => chromium?.close());

test("Firefox's camera is seen and heard in Chromium", async (t) => {
  await channel("web-firefox");
  const firefox = await Firefox.start(t);
  await firefox.open(`${API}/broadcast/web-firefox`);
  await firefox.press("#go");
  await firefox.press("#username");
  await firefox.run(`document.querySelector("#username").value = "alice"; [...document.querySelectorAll("button")].find((button) => button.textContent.trim() === "Sign in").click()`);
  await firefox.reaches("ready");
  const viewer = await Tab.open(t, chromium, "/watch/web-firefox");
  await firefox.press("#go");
  await firefox.reaches("live");
  await viewer.reaches("live");
  await viewer.plays(5);
  await firefox.press("#go");
  await firefox.reaches("ended");
  await viewer.reaches("ended");
});
