/** Where no stream key, no ticket and no chat token may be, after and in the midst of a broadcast. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { AUTOPLAY, startChromium } from "../browsers.mjs";
import { channel, until } from "../cloud.mjs";
import { ALLOWED, dynamodb, ffmpeg, newest, processes, servers, sideDoor, Tab } from "./studio.mjs";

let browser;
before(async () => {
  browser = await startChromium(ALLOWED, AUTOPLAY);
  await servers(1);
});
after(() => browser?.close());

const text = async (path) => (await sideDoor("GET", path)).text();

test("no stream key, no ticket and no chat token is in a log, an address, an argument, an environment, or what the console shows", async (t) => {
  const { streamKey } = await channel("web-secret");
  const broadcaster = await Tab.open(t, browser, "/broadcast/web-secret", { user: "alice" });
  // What the API hands to the page: each ticket of this test, and nothing else of the page is asked for it.
  const tickets = [];
  broadcaster.page.on("response", async (response) => {
    if (response.request().method() !== "POST" || !/\/broadcasts(\/|$)/.test(new URL(response.url()).pathname)) return;
    const { ticket } = await response.json().catch(() => ({}));
    if (ticket !== undefined) tickets.push(ticket);
  });
  const chatTokens = [];
  broadcaster.page.on("response", async (response) => {
    if (!response.url().endsWith("/chat-tokens")) return;
    const { token } = await response.json().catch(() => ({}));
    if (token !== undefined) chatTokens.push(token);
  });
  await broadcaster.page.reload();
  await broadcaster.reaches("ready");
  await broadcaster.press("go");
  await broadcaster.reaches("live");
  const { server } = await newest("web-secret");
  // Another ticket, and an FFmpeg and a connection to the ingest with it.
  const before = ffmpeg();
  await sideDoor("POST", `ecs/tasks/${server}/crash`);
  await broadcaster.passes(["live", "reconnecting", "live"]);
  await until("there is another FFmpeg", () => ![undefined, before].includes(ffmpeg()));
  assert(tickets.length >= 2, `${tickets.length} tickets were seen`);
  await until("a chat token was seen", () => chatTokens.length > 0);

  const secrets = [streamKey, ...tickets, ...tickets.map((ticket) => ticket.split(".")[1]), ...chatTokens];
  const places = new Map([
    ["the log", readFileSync(process.env.CLOUD_LOG, "utf8")],
    ["an address that a page asked", Tab.urls.join("\n")],
    ["/_local/requests", await text("requests?since=0")],
    ["/_local/state", await text("state?rows=1000")],
    ["/_local/calls", await text("calls?since=0")],
    ["/_local/about", await text("about")],
    ["the page", await broadcaster.page.evaluate(() => document.documentElement.outerHTML + JSON.stringify({ ...localStorage }))],
  ]);
  const running = processes();
  for (const name of ["transwrap", "ffmpeg"]) assert(running.some(({ program }) => program === name), `no ${name} runs`);
  for (const { pid, program, command } of running) {
    places.set(`the arguments of ${program}`, (places.get(`the arguments of ${program}`) ?? "") + command);
    try {
      places.set(`the environment of ${program} ${pid}`, readFileSync(`/proc/${pid}/environ`, "latin1"));
    } catch {
      // It has ended meanwhile.
    }
  }
  // That there is something to find it in: each place says something of its own.
  assert.match(places.get("the log"), /transwrap\//);
  assert.match(places.get("an address that a page asked"), /^ws:/m);
  assert.match(places.get("/_local/requests"), /"POST \/broadcasts"/);
  assert.match(places.get("/_local/state"), /web-secret/);
  const rows = await dynamodb("Scan", { TableName: "greenroom-channels" });
  assert(JSON.stringify(rows).includes(streamKey), "the key is not what the table keeps");

  for (const [place, content] of places) {
    for (const [index, secret] of secrets.entries()) {
      assert(!content.includes(secret), `${index === 0 ? "the stream key" : chatTokens.includes(secret) ? "a chat token" : "a ticket"} is in ${place}`);
    }
  }
  await broadcaster.press("go");
  await broadcaster.reaches("ended");
});
