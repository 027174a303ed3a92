/** The chat beside the player and the broadcaster: two people talk, one moderates, what ends comes back, and each of its states. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { AUTOPLAY, startChromium } from "../browsers.mjs";
import { call, channel, until } from "../cloud.mjs";
import { looks } from "./look.mjs";
import { ALLOWED, Tab } from "./studio.mjs";

let browser;
before(async () => (browser = await startChromium(ALLOWED, AUTOPLAY)));
after(() => browser?.close());

const TOKENS = "**/chat-tokens";

/** Somebody's page with a chat, in the state that is expected of it. */
async function person(t, path, user, state = "connected") {
  const tab = await Tab.open(t, browser, path, user === null ? {} : { user });
  await tab.reaches(["waiting", "ready"]);
  await chats(tab, state);
  return tab;
}

/** Waits until the chat is in a state. */
async function chats(tab, state) {
  await tab.page.locator(`#chat[data-chat="${state}"]`).waitFor({ timeout: 25_000 }).catch(async (error) => {
    const seen = await tab.page.evaluate(() => [document.querySelector("#chat").dataset.chat, document.querySelector("#chat").innerText]);
    throw new Error(`the chat is not ${state} but ${seen.join(": ")}`, { cause: error });
  });
}

async function says(tab, text) {
  await tab.page.locator("#chat-text").fill(text);
  await tab.page.locator("#chat-text").press("Enter");
}

const message = (tab, text) => tab.page.locator("#chat-list > li", { hasText: text });
const reads = (tab, text) => message(tab, text).waitFor();

/** The owner's or a moderator's menu of a message. */
async function moderates(tab, text, action) {
  await message(tab, text).locator(".chat-more").click();
  await message(tab, text).locator(`[data-action="${action}"]`).click();
}

/** Keeps the API's chat tokens from being had. */
async function refuse(tab, how = (route) => route.abort()) {
  await tab.context.route(TOKENS, how);
  return () => tab.context.unroute(TOKENS, how);
}

const problem = (status, type, detail) => (route) =>
  route.fulfill({ status, contentType: "application/problem+json", body: JSON.stringify({ type, title: type, status, detail, instance: "request-1" }) });

test("two people talk, and one who is not signed in is asked to sign in", async (t) => {
  await channel("chat-talk");
  const alice = await person(t, "/broadcast/chat-talk", "alice");
  const bob = await person(t, "/watch/chat-talk", "bob");
  await says(bob, "hello from bob");
  await reads(alice, "hello from bob");
  await says(alice, "hello, bob");
  await reads(bob, "hello, bob");
  assert.equal(await message(bob, "hello, bob").locator(".badge").textContent(), "owner");
  assert.equal(await bob.page.locator("#chat-text").inputValue(), "");
  await looks(bob, "chat-connected");
  await looks(bob, "chat-connected-phone", { phone: true });
  await looks(alice, "chat-broadcaster");
  const carol = await person(t, "/watch/chat-talk", null, "signed-out");
  await looks(carol, "chat-signed-out");
  assert.equal(await carol.page.locator("#chat-list > li").count(), 0);
});

test("a message is text, whatever is in it, and links are none", async (t) => {
  await channel("chat-text");
  const [alice, bob] = [await person(t, "/watch/chat-text", "alice"), await person(t, "/watch/chat-text", "bob")];
  const text = '<img src=x onerror="document.title=1"> https://example.com <b>bold</b>';
  await says(bob, text);
  await reads(alice, text);
  assert.equal(await alice.page.locator("#chat-list img, #chat-list a, #chat-list b").count(), 0);
  await bob.page.locator("#chat-text").fill("x".repeat(501));
  assert.equal(await bob.page.locator("#chat-counter").textContent(), "501/500");
  assert(await bob.page.locator("#chat-send").isDisabled());
  await bob.page.locator("#chat-text").fill("😀".repeat(500));
  await bob.page.locator("#chat-text").press("Enter");
  await reads(alice, "😀".repeat(500));
});

test("a name is this user's in the room, and nobody else's", async (t) => {
  await channel("chat-names");
  const [bob, carol] = [await person(t, "/watch/chat-names", "bob"), await person(t, "/watch/chat-names", "carol")];
  const calls = async (tab, name) => {
    const open = tab.page.locator("#chat-name-fold");
    if (!(await open.getAttribute("open").then((value) => value !== null))) await open.locator("summary").click();
    await tab.page.locator("#chat-name").fill(name);
    await tab.page.locator("#chat-name").press("Enter");
  };
  await calls(bob, "Bobby");
  await bob.page.locator("#chat-as", { hasText: "Bobby" }).waitFor();
  await calls(carol, "Bobby");
  await carol.page.locator("#chat-name-problem", { hasText: /\w/ }).waitFor();
  await chats(carol, "connected");
  await looks(carol, "chat-name-taken");
  await says(bob, "it is me");
  await reads(carol, "it is me");
  assert.equal(await message(carol, "it is me").locator(".chat-sender").textContent(), "Bobby");
});

test("the owner deletes, mutes and removes, and lets back in; a moderator does, too", async (t) => {
  await channel("chat-order");
  const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((user) => person(t, "/watch/chat-order", user)));
  await says(bob, "to be deleted");
  await reads(alice, "to be deleted");
  await message(alice, "to be deleted").locator(".chat-more").click();
  await looks(alice, "chat-menu");
  await alice.page.keyboard.press("Escape");
  await moderates(alice, "to be deleted", "delete");
  for (const tab of [alice, bob, carol]) await message(tab, "to be deleted").waitFor({ state: "detached" });

  await says(bob, "before the mute");
  await reads(alice, "before the mute");
  await moderates(alice, "before the mute", "mute");
  await chats(bob, "muted");
  await looks(bob, "chat-muted");
  await bob.page.reload();
  await chats(bob, "read-only");
  await looks(bob, "chat-read-only");
  await says(carol, "bob still reads this");
  await reads(bob, "bob still reads this");
  await moderates(alice, "before the mute", "unmute");
  await chats(bob, "connected");

  await reads(alice, "bob still reads this");
  await moderates(alice, "bob still reads this", "promote");
  await alice.page.locator("#chat-notice", { hasText: "moderator" }).waitFor();
  await carol.page.reload();
  await chats(carol, "connected");
  await says(bob, "carol moderates this");
  await reads(carol, "carol moderates this");
  await moderates(carol, "carol moderates this", "remove");
  await chats(bob, "removed");
  await looks(bob, "chat-removed");
  await bob.press("chat-again");
  await chats(bob, "removed");

  await alice.page.locator("#chat-moderated summary").click();
  await alice.page.locator("#chat-moderated-list li", { hasText: "bob" }).locator('[data-action="readmit"]').waitFor();
  await looks(alice, "chat-moderated");
  await alice.page.locator("#chat-moderated-list li", { hasText: "bob" }).locator('[data-action="readmit"]').click();
  await alice.page.locator("#chat-notice", { hasText: "come back" }).waitFor();
  await bob.press("chat-again");
  await chats(bob, "connected");
});

test("rules are agreed to once, and slow mode counts down", async (t) => {
  await channel("chat-rules");
  await call("PATCH", "/channels/chat-rules/chat", { rules: "Be kind. No links.", slowModeSeconds: 5 });
  const bob = await person(t, "/watch/chat-rules", "bob");
  await looks(bob, "chat-rules");
  assert(await bob.page.locator("#chat-form").isHidden());
  await bob.press("chat-agree");
  await says(bob, "this is none");
  await reads(bob, "this is none");
  await bob.page.locator("#chat-slow", { hasText: /again in \d s/ }).waitFor();
  await looks(bob, "chat-slow");
  await bob.page.locator("#chat-slow", { hasText: /one message each 5 s/ }).waitFor();
  await says(bob, "and another");
  await reads(bob, "and another");
  await bob.page.reload();
  await chats(bob, "connected");
  assert(await bob.page.locator("#chat-form").isVisible());
});

test("the owner changes the settings, and nobody else is shown them", async (t) => {
  await channel("chat-settings");
  const [alice, bob] = [await person(t, "/broadcast/chat-settings", "alice"), await person(t, "/watch/chat-settings", "bob")];
  assert(await bob.page.locator("#chat-settings").isHidden());
  await alice.page.locator("#chat-settings summary").click();
  await until("they are there", async () => (await alice.page.locator("#chat-settings-slow").inputValue()) === "0");
  await alice.page.locator("#chat-settings-rules").fill("Be brief.");
  await alice.page.locator("#chat-settings-words").fill("spoiler\n");
  await looks(alice, "chat-settings");
  await alice.page.locator("#chat-settings-form button").click();
  await alice.page.locator("#chat-notice", { hasText: "Saved" }).waitFor();
  assert.deepEqual(await call("GET", "/channels/chat-settings/chat"), { rules: "Be brief.", slowModeSeconds: 0, words: ["spoiler"] });
  await bob.page.reload();
  await bob.page.locator("#chat-rules-text", { hasText: "Be brief." }).waitFor();
});

test("what the server ends comes back, with one token each time; what is written meanwhile stays in the field", async (t) => {
  await channel("chat-back");
  const tab = await Tab.open(t, browser, "/watch/chat-back");
  let asked = 0;
  tab.page.on("request", (request) => (asked += Number(request.method() === "POST" && request.url().endsWith("/chat-tokens"))));
  const sockets = [];
  await tab.page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer();
    sockets.push({ socket, server });
  });
  await tab.signIn("bob");
  await chats(tab, "connected");
  assert.equal(asked, 1);
  // As IVS does when a session has ended.
  await sockets.at(-1).socket.close({ code: 4003, reason: "the session has ended" });
  await until("there is another connection", () => sockets.length === 2);
  await chats(tab, "connected");
  assert.equal(asked, 2);

  const release = await refuse(tab);
  await sockets.at(-1).socket.close({ code: 1011 });
  await chats(tab, "reconnecting");
  await tab.page.locator("#chat-text").fill("written meanwhile");
  await looks(tab, "chat-reconnecting");
  await tab.context.setOffline(true);
  await chats(tab, "offline");
  await looks(tab, "chat-offline");
  await tab.context.setOffline(false);
  await release();
  await chats(tab, "connected");
  assert.equal(await tab.page.locator("#chat-text").inputValue(), "written meanwhile");
  await tab.page.locator("#chat-text").press("Enter");
  await reads(tab, "written meanwhile");
});

test("an API that wants not to be asked is not asked, however often somebody tries", async (t) => {
  await channel("chat-storm");
  const tab = await Tab.open(t, browser, "/watch/chat-storm");
  let asked = 0;
  await refuse(tab, (route) => {
    asked += 1;
    const body = { type: "busy", title: "busy", status: 503, detail: "it is busy", instance: "request-1" };
    return route.fulfill({ status: 503, headers: { "retry-after": "60" }, contentType: "application/problem+json", body: JSON.stringify(body) });
  });
  await tab.signIn("bob");
  await chats(tab, "waiting");
  for (let press = 0; press < 5; press += 1) await tab.press("chat-again");
  await looks(tab, "chat-waiting");
  assert.equal(asked, 1);
});

test("states of somebody who waits, who may not chat, and of what fails", async (t) => {
  await channel("chat-states");
  const open = () => Tab.open(t, browser, "/watch/chat-states");
  const slow = await open();
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  await refuse(slow, async (route) => (await held, route.fallback()));
  await slow.signIn("bob");
  await chats(slow, "connecting");
  await looks(slow, "chat-connecting");
  answer();
  await chats(slow, "connected");
  // What the API answers to somebody who was not invited, and what it answers to nobody.
  for (const [status, type, state] of [[403, "forbidden", "not-allowed"], [422, "strange", "failed"]]) {
    const tab = await open();
    await refuse(tab, problem(status, type, "it is so"));
    await tab.signIn("bob");
    await chats(tab, state);
    await looks(tab, `chat-${state}`);
  }
});

test("a session that ends is begun anew", async (t) => {
  await channel("chat-session");
  const tab = await Tab.open(t, browser, "/watch/chat-session");
  let asked = 0;
  // The shortest session that there is.
  await tab.context.route(TOKENS, (route) => {
    if (route.request().method() === "POST") asked += 1;
    return route.fallback({ postData: JSON.stringify({ durationMinutes: 1 }) });
  });
  await tab.signIn("bob");
  await chats(tab, "connected");
  await until("another session was begun", () => asked === 2, 90);
  await chats(tab, "connected");
  await says(tab, "still here");
  await reads(tab, "still here");
});

test("whoever reads what was before is not torn away, and is told of what is new", async (t) => {
  await channel("chat-scroll");
  const [alice, bob] = [await person(t, "/watch/chat-scroll", "alice"), await person(t, "/watch/chat-scroll", "bob")];
  for (let line = 0; line < 8; line += 1) {
    await says(alice, `line ${line}\n`.repeat(10));
    await message(bob, `line ${line}`).waitFor();
  }
  await bob.page.locator("#chat-scroll").evaluate((list) => list.scrollTo(0, 0));
  await says(alice, "the newest");
  await bob.page.locator("#chat-new", { hasText: "1 new message" }).waitFor();
  assert.equal(await bob.page.locator("#chat-scroll").evaluate((list) => list.scrollTop), 0);
  await looks(bob, "chat-new");
  await bob.press("chat-new");
  await bob.page.locator("#chat-new").waitFor({ state: "hidden" });
  assert(await bob.page.locator("#chat-scroll").evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight < 2));
});

test("by keyboard: T to the field, Escape out of a menu, and the player's keys are letters in it", async (t) => {
  await channel("chat-keys");
  const alice = await person(t, "/watch/chat-keys", "alice");
  await alice.page.locator("#main").focus();
  await alice.page.keyboard.press("t");
  await alice.page.keyboard.type("mute me");
  assert.equal(await alice.page.locator("#chat-text").inputValue(), "mute me");
  assert.equal(await alice.page.locator("#mute").getAttribute("aria-pressed"), "false");
  await alice.page.keyboard.press("Enter");
  await reads(alice, "mute me");
  await message(alice, "mute me").locator(".chat-more").focus();
  await alice.page.keyboard.press("Enter");
  await message(alice, "mute me").locator('[data-action="delete"]').waitFor();
  await alice.page.keyboard.press("Escape");
  assert(await message(alice, "mute me").locator(".chat-menu").isHidden());
  assert.equal(await alice.page.evaluate(() => document.activeElement.className), "chat-more");
});

test("in somebody else's page there is no chat, and no token is asked for", async (t) => {
  await channel("chat-embed");
  const tab = await Tab.open(t, browser, "/watch/chat-embed?embed");
  assert(await tab.page.locator("#chat").isHidden());
  assert(!tab.urls.some((url) => url.includes("chat-embed/chat-tokens")));
});
