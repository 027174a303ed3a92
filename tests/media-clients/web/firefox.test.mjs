/** From the camera of Debian's Firefox, whose recorder makes VP8 alone, to a picture with sound in Chromium. */
import { after, before, test } from "node:test";

import { firefox } from "playwright-core";

import { channel } from "../cloud.mjs";
import { AUTOPLAY, servers, startChromium, Tab } from "./studio.mjs";

const browsers = [];
before(() => servers(1));
after(() => Promise.all(browsers.map((one) => one.close())));

test("Firefox's camera is seen and heard in Chromium", async (t) => {
  const [esr, chromium] = await Promise.all([
    firefox.launch({
      // Driven by WebDriver BiDi: Debian's own Firefox has none of Playwright's patches.
      channel: "moz-firefox",
      executablePath: "/usr/bin/firefox-esr",
      headless: true,
      firefoxUserPrefs: {
        "media.navigator.streams.fake": true,
        "media.navigator.permission.disabled": true,
        "media.autoplay.default": 0,
        "app.update.enabled": false,
        "network.captive-portal-service.enabled": false,
        "network.connectivity-service.enabled": false,
        "services.settings.server": "http://127.0.0.1:9/",
      },
    }),
    startChromium(AUTOPLAY),
  ]);
  browsers.push(esr, chromium);
  await channel("web-firefox");
  const broadcaster = await Tab.open(t, esr, "/broadcast/web-firefox", { user: "alice" });
  await broadcaster.reaches("ready");
  const viewer = await Tab.open(t, chromium, "/watch/web-firefox");
  await broadcaster.press("go");
  await broadcaster.reaches("live");
  await viewer.reaches("live");
  await viewer.plays(5);
  await broadcaster.press("go");
  await broadcaster.reaches("ended");
  await viewer.reaches("ended");
});
