/** Greenroom's own pages in a browser: who broadcasts, who watches, and what is under them. */
import { readFileSync, readdirSync } from "node:fs";

import { call, until } from "../cloud.mjs";

export const { API, AWS_ENDPOINT_URL, AWS_REGION } = process.env;

/** A camera and a microphone that Chromium makes up; whoever may use them is settled by the test. */
export const DEVICES = ["--use-fake-device-for-media-stream"];
export const ALLOWED = [...DEVICES, "--use-fake-ui-for-media-stream"];

/** Notes each state of a page, each address that it asks, and how long its picture has stood still at most. */
function watchItself() {
  globalThis.states = [];
  globalThis.times = [];
  globalThis.longest = 0;
  globalThis.since = performance.now();
  const note = () => {
    const { state } = document.body?.dataset ?? {};
    if (state === undefined || states.at(-1) === state) return;
    states.push(state);
    times.push(`${state} after ${((performance.now() - since) / 1000).toFixed(1)} s`);
  };
  new MutationObserver(note).observe(document, { attributes: true, attributeFilter: ["data-state"], childList: true, subtree: true });
  let frames = 0;
  let moved;
  setInterval(() => {
    const quality = document.querySelector("video")?.getVideoPlaybackQuality?.();
    const now = performance.now();
    if (quality && quality.totalVideoFrames !== frames) {
      frames = quality.totalVideoFrames;
      moved = now;
    } else if (moved !== undefined) longest = Math.max(longest, now - moved);
  }, 50);
}

/** A page in a browser. */
export class Tab {
  /** Opens a path of the site, in a browser's context of its own, until the test ends. */
  static async open(test, browser, path, { user, permissions, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "dark", reducedMotion: "reduce", ...options });
    test.after(() => context.close());
    await context.addInitScript(watchItself);
    const tab = new Tab(context, await context.newPage());
    if (permissions !== undefined) await context.grantPermissions(permissions, { origin: API });
    tab.urls = Tab.urls;
    context.on("request", (request) => tab.urls.push(request.url()));
    context.on("page", (page) => page.on("websocket", (socket) => tab.urls.push(socket.url())));
    tab.page.on("websocket", (socket) => tab.urls.push(socket.url()));
    tab.page.on("pageerror", (error) => tab.errors.push(error.message));
    await tab.page.goto(API + path);
    if (user !== undefined) await tab.signIn(user);
    return tab;
  }

  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.errors = [];
  }

  /** Signs in by the issuer's page, as a person does, and comes back to where it was. */
  async signIn(user) {
    await this.page.locator("#sign-in:visible, #go:visible").first().click();
    await this.page.locator("#username").fill(user);
    await this.page.getByRole("button", { name: "Sign in", exact: true }).click();
    await this.page.locator("#who", { hasText: user }).waitFor();
  }

  get state() {
    return this.page.evaluate(() => document.body.dataset.state);
  }

  /** Waits until the page is in one of these states. */
  async reaches(states, seconds = 25) {
    const wanted = [states].flat();
    try {
      await this.page.waitForFunction((wanted) => wanted.includes(document.body.dataset.state), wanted, { timeout: 1000 * seconds, polling: 50 });
    } catch (error) {
      const seen = await this.page.evaluate(() => [...globalThis.states, document.querySelector("#main").innerText]).catch(() => []);
      throw new Error(`the page is not in ${wanted.join(" or ")} but went through ${seen.join(", ")}`, { cause: error });
    }
    return this;
  }

  /** Waits until the page has been in these states, one after the other, since the last `forget`. */
  async passes(states, seconds = 40) {
    await until(`the page passes ${states.join(", ")}`, async () => {
      const seen = await this.page.evaluate(() => globalThis.states);
      let at = 0;
      for (const state of seen) if (state === states[at]) at += 1;
      return at === states.length;
    }, seconds).catch(async (error) => {
      throw new Error(`${error.message}; it went through ${await this.page.evaluate(() => globalThis.states.join(", "))}`, { cause: error });
    });
  }

  /** Forgets what states there were, and how long the picture stood still. */
  forget() {
    return this.page.evaluate(() => {
      states.splice(0, states.length, document.body.dataset.state);
      times.length = longest = 0;
      since = performance.now();
    });
  }

  press(id) {
    return this.page.locator(`#${id}`).click();
  }

  /** What the player has decoded. */
  played() {
    return this.page.evaluate(() => {
      const video = document.querySelector("video");
      return {
        time: video.currentTime,
        width: video.videoWidth,
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
        sound: video.webkitAudioDecodedByteCount,
        stillMs: Math.round(longest),
      };
    });
  }

  /** Waits until picture and sound have gone on for some seconds, as the player counts them. */
  async plays(seconds = 2) {
    const begun = await until("a picture is played", async () => {
      const played = await this.played();
      return played.time > 0 && played.width > 0 && played;
    }).catch(async (error) => {
      const went = await this.page.evaluate(() => times.join(", "));
      throw new Error(`${error.message}: ${JSON.stringify(await this.played())}; ${went}`, { cause: error });
    });
    return until(`${seconds} more seconds are played`, async () => {
      const now = await this.played();
      return now.time > begun.time + seconds && now.frames > begun.frames + 10 * seconds && now.sound > begun.sound && now;
    });
  }
}
Tab.urls = [];

/** Calls a service of AWS as the local cloud has it. It checks no signature. */
export async function aws(service, target, input) {
  const credential = `local/20260101/${AWS_REGION}/${service}/aws4_request`;
  const answer = await fetch(AWS_ENDPOINT_URL, {
    method: "POST",
    headers: {
      "content-type": service === "ecs" ? "application/x-amz-json-1.1" : "application/x-amz-json-1.0",
      "x-amz-target": target,
      "x-amz-date": new Date().toISOString().replace(/[-:]|\.\d+/g, ""),
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(input),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${target}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

const CLUSTER = "transwrap";
export const ecs = (operation, input) => aws("ecs", `AmazonEC2ContainerServiceV20141113.${operation}`, { cluster: CLUSTER, ...input });
export const dynamodb = (operation, input) => aws("dynamodb", `DynamoDB_20120810.${operation}`, input);

/** Whatever the side door is asked for. */
export async function sideDoor(method, path, body) {
  const answer = await fetch(`${API}/_local/${path}`, { method, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

/** Has so many servers run, and waits until as many are offered, and no others. */
export async function servers(count) {
  await ecs("UpdateService", { service: CLUSTER, desiredCount: count });
  return until(`${count} servers are offered`, async () => {
    const { Items } = await dynamodb("Scan", { TableName: "greenroom-servers" });
    const offered = Items.filter((row) => row.state?.S === "offered" && Number(row.places?.N) > 0 && row.leaseUntil?.S > new Date().toISOString());
    return offered.length === count && offered;
  }, 60);
}

/** A broadcast's own row in the API. */
export const broadcast = (id) => call("GET", `/broadcasts/${id}`);

/** The newest broadcast of alice to a channel. */
export async function newest(channel) {
  const { items } = await call("GET", "/broadcasts");
  return items.find((one) => one.channel === channel);
}

/** The processes that this process's local cloud has started, each with what /proc says of it. */
export function processes() {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The name may have spaces and brackets in it.
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        const command = readFileSync(`/proc/${name}/cmdline`, "latin1");
        return [{ pid: Number(name), parent, command, program: command.split("\0")[0].split("/").at(-1) }];
      } catch {
        // It has ended.
        return [];
      }
    });
  const found = new Set([Number(process.env.CLOUD_PID)]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const one of all) if (found.has(one.parent)) found.add(one.pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

/** The FFmpeg of the only broadcast that is on air. */
export const ffmpeg = () => processes().find(({ program }) => program === "ffmpeg")?.pid;
