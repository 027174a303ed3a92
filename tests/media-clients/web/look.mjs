/** How a page looks: no finding of axe in dark and light, no scrolling aside on a phone, and a picture of it for the documentation. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** A script whose own value is nothing that has to be brought out of a page. */
const AXE = `${readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")};0`;
const pictures = join(import.meta.dirname, "../../../docs/screenshots");
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

/** Findings, each with the elements that it is about. */
async function findings(page, colorScheme) {
  await page.emulateMedia({ colorScheme });
  // Evaluated and not added as an element: the pages' content security policy has no place for it.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(AXE);
  const violations = await page.evaluate(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations);
  return violations.map(({ id, nodes }) => `${colorScheme}: ${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`).join("; ")}`);
}

/** How often a page is looked at whose state passes: on a busy machine what is live stands still for a moment. */
const LOOKS = 3;

/** Holds a page, as it is now, to all of that. The state is one that stays, or comes back. */
export async function looks(tab, name, { phone = false } = {}) {
  const { page } = tab;
  const state = await tab.state;
  for (let look = 1; ; look += 1) {
    const found = [...(await findings(page, "light")), ...(await findings(page, "dark"))];
    if (process.env.SCREENSHOTS && !phone) await picture(page, name);
    await page.setViewportSize(PHONE);
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (process.env.SCREENSHOTS && phone) await picture(page, name);
    await page.setViewportSize(DESK);
    assert.deepEqual(found, [], name);
    assert(wide[0] <= PHONE.width, `${name} is ${wide[0]} pixels wide on a phone`);
    assert.deepEqual(tab.errors, [], name);
    if ((await tab.state) === state) return;
    assert(look < LOOKS, `${name} has passed meanwhile`);
    await tab.reaches(state);
  }
}

async function picture(page, name) {
  mkdirSync(pictures, { recursive: true });
  const input = await page.screenshot({ animations: "disabled" });
  // 256 colours are enough to see a page by, and a third of the size.
  const words = ["-loglevel", "error", "-y", "-f", "png_pipe", "-i", "-", "-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none"];
  const { status, stderr } = spawnSync("ffmpeg", [...words, "-frames:v", "1", "-update", "1", join(pictures, `${name}.png`)], { input });
  assert.equal(status, 0, String(stderr));
}
