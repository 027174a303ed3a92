import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ChatClient, codePoints, pauseBefore, type ChatState } from "./client.js";
import type { ChatError } from "./errors.js";
import type { ChatMessage } from "./room.js";
import { refusal, settled, TestClock, TestRoom, TestService } from "./testing.js";

let clock: TestClock;
let service: TestService;
let chat: ChatClient;
let states: ChatState["name"][];
let messages: ChatMessage[];
let deleted: string[];
let events: string[];

beforeEach(() => {
  TestRoom.all = [];
  clock = new TestClock();
  service = new TestService(() => clock.now());
  [states, messages, deleted, events] = [[], [], [], []];
  chat = new ChatClient(
    service,
    { makeRoom: (options) => new TestRoom(options), clock, random: () => 0.5 },
    {
      onChange: () => chat.state.name !== states.at(-1) && states.push(chat.state.name),
      onMessage: (message) => messages.push(message),
      onDelete: (id) => deleted.push(id),
      onEvent: ({ name }) => events.push(name),
    },
  );
});

async function connected(): Promise<TestRoom> {
  chat.start();
  await settled();
  TestRoom.last.opens();
  return TestRoom.last;
}

const rejection = async (promise: Promise<unknown>): Promise<ChatError> => promise.then(() => assert.fail("it was sent"), (error: ChatError) => error);

describe("tokens", () => {
  it("hands on the session's end as the time to renew, and never the token's own", async () => {
    const room = await connected();
    const hour = new Date(clock.now() + 3_600_000).toISOString();
    assert.deepEqual(room.tokens, [{ token: "t1", tokenExpirationTime: hour }]);
    assert.equal(room.options.endpoint, "wss://chat");
  });

  it("gives no time to renew that is past by a clock that goes wrong, of which Amazon's client makes a storm", async () => {
    service.answer = async () => ({ sessionExpiresAt: new Date(clock.now() - 1000).toISOString() });
    const room = await connected();
    assert.deepEqual(room.tokens, [{ token: "t1" }]);
  });

  it("renews a session quietly, and learns what has changed for its user", async () => {
    const room = await connected();
    service.answer = async () => ({ capabilities: [], slowModeSeconds: 5 });
    await room.asksForToken();
    assert.equal(room.tokens.at(-1)?.token, "t2");
    assert.deepEqual(states, ["connecting", "connected"]);
    assert.equal(chat.session?.slowModeSeconds, 5);
    assert.equal(chat.maySend, false);
  });

  it("keeps the session without its token", async () => {
    await connected();
    assert.equal(JSON.stringify(chat.session).includes("t1"), false);
  });

  it("asks for one token at a time, however often it is begun", async () => {
    const answers: (() => void)[] = [];
    service.answer = () => new Promise((resolve) => answers.push(() => resolve({})));
    for (let time = 0; time < 5; time += 1) {
      chat.start({ displayName: `name ${time}` });
      await settled();
    }
    answers.shift()?.();
    await settled();
    answers.shift()?.();
    await settled();
    assert.equal(service.mostAtOnce, 1);
    assert.deepEqual(service.asked.map(({ displayName }) => displayName), ["name 0", "name 4"]);
    assert.equal(TestRoom.all.length, 1);
  });

  it("does not ask again before the API wants it to, whoever presses what", async () => {
    service.answer = () => Promise.reject(refusal(503, "busy", 20_000));
    chat.start();
    await settled();
    for (let second = 0; second < 19; second += 1) {
      await clock.advance(1000);
      chat.retryNow();
      chat.start();
    }
    assert.equal(service.asked.length, 1);
    service.answer = async () => ({});
    await clock.advance(1000);
    assert.equal(service.asked.length, 2);
    TestRoom.last.opens();
    assert.equal(chat.state.name, "connected");
  });

  it("asks ever more slowly while there is no answer", async () => {
    service.answer = () => Promise.reject(new TypeError("fetch failed"));
    chat.start();
    await clock.advance(60_000);
    assert.equal(service.asked.length, 6);
    await clock.advance(600_000);
    assert.equal(service.asked.length, 26);
  });

  it("makes one attempt each pause, whatever the connection fails with", async () => {
    chat.start();
    await settled();
    TestRoom.last.ends("socketError");
    assert.deepEqual(chat.state, { name: "reconnecting", attempt: 1, retryAt: clock.now() + 1000, failure: null });
    await clock.advance(1000);
    TestRoom.last.ends("socketError");
    assert.deepEqual(chat.state, { name: "reconnecting", attempt: 2, retryAt: clock.now() + 2000, failure: null });
    assert.equal(service.asked.length, 2);
  });

  it("gives up a connection that neither opens nor fails", async () => {
    chat.start();
    await clock.advance(15_000);
    assert.equal(chat.state.name, "reconnecting");
    assert.equal(TestRoom.last.left, true);
  });

  for (const [status, type, state] of [
    [403, "forbidden", "refused"],
    [403, "removed", "removed"],
    [404, "not-found", "refused"],
    [401, "unauthenticated", "refused"],
  ] as const) {
    it(`stays with ${status} ${type}`, async () => {
      service.answer = () => Promise.reject(refusal(status, type));
      chat.start();
      await clock.advance(600_000);
      assert.equal(chat.state.name, state);
      assert.equal(service.asked.length, 1);
    });
  }
});

describe("connections that end", () => {
  it("comes back after the server has disconnected it, with another token and a pause", async () => {
    const first = await connected();
    first.ends("serverDisconnect");
    assert.equal(chat.state.name, "reconnecting");
    assert.equal(service.asked.length, 1);
    await clock.advance(1000);
    TestRoom.last.opens();
    assert.equal(service.asked.length, 2);
    assert.deepEqual(states, ["connecting", "connected", "reconnecting", "connected"]);
  });

  it("leaves a break to no attempt of Amazon's client, which makes it without a pause", async () => {
    const first = await connected();
    await first.breaks();
    assert.equal(service.asked.length, 1);
    assert.equal(chat.state.name, "reconnecting");
    await clock.advance(1000);
    assert.equal(service.asked.length, 2);
  });

  it("stays away once its user was removed, until it is begun anew", async () => {
    const room = await connected();
    room.options.listener.onUserDisconnect("alice", "removed");
    room.ends("serverDisconnect");
    await clock.advance(600_000);
    assert.equal(chat.state.name, "removed");
    assert.equal(service.asked.length, 1);
    await connected();
    assert.equal(chat.state.name, "connected");
  });

  it("comes back with a token to read after its user was muted", async () => {
    const room = await connected();
    service.answer = async () => ({ capabilities: [] });
    room.options.listener.onUserDisconnect("alice", "muted");
    room.ends("serverDisconnect");
    await clock.advance(1000);
    TestRoom.last.opens();
    assert.equal(chat.state.name, "connected");
    assert.equal((await rejection(chat.send("hello"))).code, "read-only");
  });

  it("comes back after somebody else was removed", async () => {
    const room = await connected();
    room.options.listener.onUserDisconnect("bob", "removed");
    room.ends("serverDisconnect");
    assert.equal(chat.state.name, "reconnecting");
  });

  it("stays away when the session cannot be renewed for it is removed", async () => {
    const room = await connected();
    service.answer = () => Promise.reject(refusal(403, "removed"));
    await room.asksForToken();
    await settled();
    assert.equal(chat.state.name, "removed");
  });

  it("begins with short pauses again after a good connection", async () => {
    chat.start();
    await settled();
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      TestRoom.last.ends("socketError");
      await clock.advance(30_000);
    }
    TestRoom.last.opens();
    await clock.advance(30_000);
    TestRoom.last.ends("serverDisconnect");
    assert.equal(chat.state.name === "reconnecting" && chat.state.attempt, 1);
  });

  it("hears nothing of a room that it has left", async () => {
    const first = await connected();
    chat.stop();
    first.options.listener.onMessage({ id: "m", userId: "bob", displayName: null, role: null, content: "late", sentAt: 0 });
    first.options.listener.onConnect();
    assert.equal(chat.state.name, "off");
    assert.deepEqual(messages, []);
  });

  it("tries at once when the network is back", async () => {
    const room = await connected();
    room.ends("serverDisconnect");
    chat.retryNow();
    await settled();
    assert.equal(service.asked.length, 2);
  });
});

describe("messages", () => {
  it("resolves when IVS has passed it on", async () => {
    const room = await connected();
    const sending = chat.send("hello");
    room.sent[0]?.resolve({});
    await sending;
    assert.equal(room.sent[0]?.content, "hello");
  });

  it("rejects what is not answered, after ten seconds", async () => {
    await connected();
    const sending = rejection(chat.send("hello"));
    await clock.advance(10_000);
    assert.equal((await sending).code, "timeout");
  });

  it("rejects what the connection's end left unanswered, at once", async () => {
    const room = await connected();
    const sending = rejection(chat.send("hello"));
    room.ends("serverDisconnect");
    assert.equal((await sending).code, "connection-lost");
  });

  for (const [errorCode, code] of [[406, "refused"], [429, "too-fast"], [403, "read-only"], [500, "failed"]] as const) {
    it(`rejects with an error and ${code} what IVS refuses with ${errorCode}`, async () => {
      const room = await connected();
      const sending = rejection(chat.send("hello"));
      room.sent[0]?.reject({ id: "e", requestId: "r", errorCode, errorMessage: "because" });
      const error = await sending;
      assert(error instanceof Error);
      assert.deepEqual([error.code, error.status, error.message], [code, errorCode, "because"]);
    });
  }

  it("rejects what the room throws at once", async () => {
    const room = await connected();
    room.connected = false;
    assert.equal((await rejection(chat.send("hello"))).code, "failed");
  });

  it("does not send what is empty, too long by code points, or without a connection", async () => {
    assert.equal((await rejection(chat.send("hello"))).code, "not-connected");
    const room = await connected();
    assert.equal((await rejection(chat.send("  \n"))).code, "empty");
    assert.equal((await rejection(chat.send("x".repeat(501)))).code, "too-long");
    void chat.send("😀".repeat(500));
    assert.equal(room.sent.length, 1);
    assert.equal(codePoints("a😀é"), 3);
  });

  it("passes on messages, deletions and events", async () => {
    const { listener } = (await connected()).options;
    listener.onMessage({ id: "m", userId: "bob", displayName: "Bob", role: "viewer", content: "hi", sentAt: 1 });
    listener.onDelete("m");
    listener.onEvent({ name: "viewers", attributes: {} });
    assert.deepEqual([messages.map(({ id }) => id), deleted, events], [["m"], ["m"], ["viewers"]]);
  });
});

it("waits longer and longer, and not as long as others", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => pauseBefore(attempt, 0.5)), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  assert.deepEqual([pauseBefore(1, 0), pauseBefore(1, 0.999)], [500, 1499]);
});
