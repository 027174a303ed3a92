/** Players: pages in Chromium and Firefox, and programs without a window. */
import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { build } from "esbuild";

import { AUTOPLAY, firefoxProfile, startChromium } from "./browsers.mjs";
import { until } from "./cloud.mjs";
import { Program, removeAfter } from "./processes.mjs";

const here = import.meta.dirname;
const assets = join(here, "node_modules/amazon-ivs-player/dist/assets");

/** The pages, and what those who look at them have reported. */
class Site {
  static async start() {
    const bundled = await build({
      entryPoints: ["hls", "videojs", "ivs"].map((player) => join(here, "pages", `${player}.js`)),
      bundle: true,
      write: false,
      outdir: "/",
      logLevel: "error",
    });
    const site = new Site();
    site.reports = new Map();
    site.files = new Map(bundled.outputFiles.map(({ path, contents }) => [path, ["text/javascript", contents]]));
    site.files.set("/", ["text/html", readFileSync(join(here, "pages/index.html"))]);
    site.files.set("/amazon-ivs-wasmworker.min.js", ["text/javascript", readFileSync(join(assets, "amazon-ivs-wasmworker.min.js"))]);
    site.files.set("/amazon-ivs-wasmworker.min.wasm", ["application/wasm", readFileSync(join(assets, "amazon-ivs-wasmworker.min.wasm"))]);
    site.server = createServer((request, response) => site.answer(request, response));
    await new Promise((resolve) => site.server.listen(0, "127.0.0.1", resolve));
    site.origin = `http://127.0.0.1:${site.server.address().port}`;
    return site;
  }

  answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (request.method === "POST") {
      let body = "";
      request.on("data", (piece) => (body += piece));
      request.on("end", () => {
        this.reports.get(pathname)?.(JSON.parse(body));
        response.writeHead(204).end();
      });
      return;
    }
    const [type, content] = this.files.get(pathname) ?? [];
    response.writeHead(type ? 200 : 404, { "content-type": type ?? "text/plain" }).end(content);
  }
}

/** A page that plays, and its newest report. */
class Page {
  constructor(site, player, source, more = {}) {
    const id = randomUUID();
    this.player = player;
    this.url = `${site.origin}/?${new URLSearchParams({ id, player, source, ...more })}`;
    this.report = undefined;
    this.ages = [];
    site.reports.set(`/report/${id}`, (report) => {
      this.report = report;
      this.ages.push(...report.ages);
    });
  }

  /** Waits until a report satisfies, and gives it; tells the newest one if none does. */
  async reports(what, satisfies, seconds = 40) {
    try {
      return await until(`${this.player} reports ${what}`, () => this.report && satisfies(this.report) && this.report, seconds);
    } catch (error) {
      throw new Error(`${error.message}; its last report: ${JSON.stringify({ ...this.report, ages: undefined })}`, { cause: error });
    }
  }

  /** Waits until it has played for some seconds. */
  async plays(seconds = 3) {
    const begun = await this.reports("a first picture or sound", ({ time }) => time > 0);
    return this.reports(`${seconds} more seconds`, ({ time }) => time > begun.time + seconds);
  }
}

/** Two browsers, and the site that they look at. */
export class Browsers {
  static async start() {
    const browsers = new Browsers();
    browsers.site = await Site.start();
    browsers.chromium = await startChromium(AUTOPLAY);
    return browsers;
  }

  /** Has a page in Chromium play with `hls`, `videojs` or `ivs`, until the test ends. */
  async open(test, player, source, more) {
    const page = new Page(this.site, player, source, more);
    const tab = await this.chromium.newPage();
    test.after(() => tab.close());
    await tab.goto(page.url);
    return page;
  }

  /** The same in Firefox, which nobody drives: it is started with the page. */
  async openFirefox(test, player, source) {
    const page = new Page(this.site, player, source);
    const profile = firefoxProfile();
    page.program = new Program(test, "firefox-esr", ["--headless", "--no-remote", "--profile", profile, page.url]);
    removeAfter(test, profile);
    return page;
  }

  async stop() {
    await this.chromium.close();
    this.site.server.closeAllConnections();
    this.site.server.close();
  }
}

/** mpv plays until the end of the broadcast. */
export const mpv = (test, source) =>
  new Program(test, "mpv", ["--no-config", "--vo=null", "--ao=null", "--term-status-msg=at ${=time-pos}", source]);

/** ffmpeg decodes until the end of the broadcast, and says how far it got. */
export const decode = (test, source) =>
  new Program(test, "ffmpeg", ["-hide_banner", "-nostats", "-loglevel", "error", "-progress", "pipe:1", "-i", source, "-f", "null", "-"]);

/** VLC plays until the end of the broadcast, and writes each picture that it shows into a file. It refuses to be root. */
export function vlc(test, source) {
  const home = mkdtempSync(join(tmpdir(), "vlc-"));
  chmodSync(home, 0o777);
  const pictures = join(home, "pictures.y4m");
  const words = ["--intf", "dummy", "--aout", "dummy", "--vout", "yuv", "--yuv-file", pictures, "--yuv-yuv4mpeg2"];
  const command = ["cvlc", ...words, "--verbose", "2", "--no-color", "--play-and-exit", source, "vlc://quit"];
  const nobody = process.getuid() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : [];
  const [first, ...rest] = [...nobody, ...command];
  const program = new Program(test, first, rest, { env: { HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home }, cwd: home });
  program.pictures = pictures;
  removeAfter(test, home);
  return program;
}
