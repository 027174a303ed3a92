import { beforeEach, describe, expect, it } from "vitest";

import type { ChatSettings, ChatSettingsChanges, ModeratedUser, Moderation } from "../../../clients/typescript/chat/index.js";
import { seeded, settled, TestClock, TestRoom, TestService } from "../../../clients/typescript/chat/testing";
import { Problem } from "../problem";
import { FakeStorage } from "../testing/browser";
import { ChatPanel, type Action, type PanelService } from "./panel";
import { CHAT_STATES, SETTINGS_SAVED } from "./states";

const problem = (status: number, type: string, detail = "it is so", retryAfterMs: number | null = null) =>
  new Problem({ type, status, detail, requestId: "r-1", retryAfterMs });

class TestPanelService extends TestService implements PanelService {
  done: string[] = [];
  users: ModeratedUser[] = [];
  refuses: Problem | null = null;
  #do(what: string): Promise<void> {
    this.done.push(what);
    return this.refuses === null ? Promise.resolve() : Promise.reject(this.refuses);
  }
  deleteMessage = (id: string) => this.#do(`delete ${id}`);
  remove = (user: string) => this.#do(`remove ${user}`);
  moderate = (user: string, change: Moderation) => this.#do(`${user} ${JSON.stringify(change)}`);
  moderated = async () => this.users;
  kept: ChatSettings = { rules: null, slowModeSeconds: 0, words: [] };
  settings = async () => this.kept;
  changeSettings = async (changes: ChatSettingsChanges) => {
    await this.#do(JSON.stringify(changes));
    return (this.kept = { ...this.kept, ...changes });
  };
}

let clock: TestClock;
let service: TestPanelService;
let store: FakeStorage;
let online: boolean;
let panel: ChatPanel;
let heard: string[];

beforeEach(() => {
  TestRoom.all = [];
  clock = new TestClock();
  service = new TestPanelService(() => clock.now());
  store = new FakeStorage();
  online = true;
  heard = [];
  const environment = { makeRoom: (options: ConstructorParameters<typeof TestRoom>[0]) => new TestRoom(options), clock, random: () => 0.5, store, isOnline: () => online };
  panel = new ChatPanel(service, environment, "show", ({ name }) => heard.push(name));
});

async function connected(): Promise<TestRoom> {
  panel.open();
  await settled();
  TestRoom.last.opens();
  return TestRoom.last;
}

const message = (id: string, userId = "bob", role = "viewer") => ({ id, userId, displayName: userId.toUpperCase(), role, content: "hi", sentAt: 0 });
const labels = (actions: Action[]) => actions.map(({ label }) => label);

describe("states", () => {
  it("is signed out until somebody is signed in, then connecting, then connected", async () => {
    expect(panel.state).toBe("signed-out");
    panel.open();
    expect(panel.state).toBe("connecting");
    await settled();
    TestRoom.last.opens();
    expect(panel.state).toBe("connected");
    panel.close();
    expect(panel.state).toBe("signed-out");
  });

  it("says how long until the next attempt, and counts down", async () => {
    const room = await connected();
    room.ends("serverDisconnect");
    await clock.advance(1000);
    TestRoom.last.ends("socketError");
    expect(panel.state).toBe("reconnecting");
    expect(panel.text.text).toContain("in 2 s");
    let drawn = "";
    panel.addEventListener("change", () => (drawn = panel.text.text));
    await clock.advance(1000);
    expect(drawn).toContain("in 1 s");
  });

  it("says that there is no chat yet as long as it never was connected", async () => {
    service.answer = () => Promise.reject(problem(503, "busy", "busy", 5000));
    panel.open();
    await settled();
    expect(panel.state).toBe("waiting");
    expect(panel.text.text).toContain("in 5 s");
  });

  it("says that this browser is offline, where it is that", async () => {
    const room = await connected();
    online = false;
    room.ends("socketError");
    expect(panel.state).toBe("offline");
  });

  it.each([
    [401, "unauthenticated", "signed-out"],
    [403, "stage-closed", "not-allowed"],
    [403, "removed", "removed"],
    [404, "not-found", "not-found"],
  ] as const)("answers %i %s with the state %s", async (status, type, state) => {
    service.answer = () => Promise.reject(problem(status, type));
    panel.open();
    await settled();
    expect(panel.state).toBe(state);
  });

  it("has details to copy where something failed", async () => {
    service.answer = () => Promise.reject(problem(422, "strange"));
    panel.open();
    await settled();
    expect(panel.state).toBe("failed");
    expect(panel.report).toContain("request r-1");
  });

  it("tells those who may only read from those who were muted", async () => {
    service.answer = async () => ({ capabilities: [] });
    const room = await connected();
    expect(panel.state).toBe("read-only");
    service.answer = async () => ({});
    room.ends("serverDisconnect");
    await clock.advance(1000);
    TestRoom.last.opens();
    expect(panel.state).toBe("connected");
    service.answer = async () => ({ capabilities: [] });
    TestRoom.last.options.listener.onUserDisconnect("alice", "muted");
    TestRoom.last.ends("serverDisconnect");
    await clock.advance(2000);
    TestRoom.last.opens();
    expect(panel.state).toBe("muted");
  });

  it("is removed for good, and comes back when its user asks", async () => {
    const room = await connected();
    room.options.listener.onUserDisconnect("alice", "removed");
    room.ends("serverDisconnect");
    await clock.advance(600_000);
    expect(panel.state).toBe("removed");
    panel.again();
    await settled();
    TestRoom.last.opens();
    expect(panel.state).toBe("connected");
  });

  it("has words for each, with nothing left to fill in", async () => {
    for (const { title, text } of Object.values(CHAT_STATES)) expect(title && text).not.toBe("");
    service.answer = () => Promise.reject(problem(404, "not-found"));
    panel.open();
    await settled();
    expect(panel.text.text).toBe("“show” is not there, or is not open to you.");
  });

  it("passes on what the service pushes", async () => {
    (await connected()).options.listener.onEvent({ name: "viewers", attributes: {} });
    expect(heard).toEqual(["viewers"]);
  });
});

describe("writing", () => {
  it("sends, and takes the next one", async () => {
    const room = await connected();
    const sending = panel.send("hello");
    expect(panel.maySend("another")).toBe(false);
    room.sent[0]?.resolve({});
    expect(await sending).toBe(true);
    expect([panel.notice, panel.maySend("another")]).toEqual([null, true]);
  });

  it.each([
    [406, "bad word", "Your message was not let through: bad word. Change it, and send it again."],
    [429, "slow down", "That was too fast. Send it again in a moment."],
  ])("says why it was not sent: %i", async (errorCode, errorMessage, notice) => {
    const room = await connected();
    const sending = panel.send("hello");
    room.sent[0]?.reject({ errorCode, errorMessage });
    expect(await sending).toBe(false);
    expect(panel.notice).toBe(notice);
  });

  it("takes no text that is empty or too long", async () => {
    await connected();
    expect([panel.maySend(" "), panel.maySend("😀".repeat(500)), panel.maySend("x".repeat(501))]).toEqual([false, true, false]);
  });

  it("counts down in slow mode, for all but the owner and moderators", async () => {
    service.answer = async () => ({ slowModeSeconds: 3 });
    let room = await connected();
    void panel.send("hello");
    room.sent[0]?.resolve({});
    await settled();
    expect([panel.slowSeconds, panel.maySend("another")]).toEqual([3, false]);
    await clock.advance(2000);
    expect(panel.slowSeconds).toBe(1);
    await clock.advance(1000);
    expect(panel.maySend("another")).toBe(true);

    panel.close();
    service.answer = async () => ({ slowModeSeconds: 3, role: "moderator" });
    room = await connected();
    void panel.send("hello");
    room.sent[0]?.resolve({});
    await settled();
    expect(panel.slowSeconds).toBe(0);
  });

  it("has the rules agreed to once, and again when they are others", async () => {
    service.answer = async () => ({ rules: "Be kind." });
    await connected();
    expect([panel.rulesToAgree, panel.maySend("hello")]).toEqual(["Be kind.", false]);
    panel.agree();
    expect([panel.rulesToAgree, panel.maySend("hello")]).toEqual([null, true]);
    panel.close();
    await connected();
    expect(panel.rulesToAgree).toBe(null);
    panel.close();
    service.answer = async () => ({ rules: "Be kind and brief." });
    await connected();
    expect(panel.rulesToAgree).toBe("Be kind and brief.");
  });

  it("has the owner agree to nothing", async () => {
    service.answer = async () => ({ rules: "Be kind.", role: "owner" });
    await connected();
    expect(panel.rulesToAgree).toBe(null);
  });
});

describe("names", () => {
  it("asks for the name, and remembers it once it is this user's", async () => {
    await connected();
    expect(panel.name).toBe("alice");
    service.answer = async ({ displayName = null }) => ({ displayName });
    panel.rename("  Alice A.  ");
    await settled();
    TestRoom.last.opens();
    expect(panel.name).toBe("Alice A.");
    panel.close();
    await connected();
    expect(service.asked.at(-1)).toEqual({ displayName: "Alice A." });
  });

  it("goes on without a name that is taken, and says so", async () => {
    await connected();
    service.answer = async ({ displayName }) => (displayName === undefined ? {} : Promise.reject(problem(409, "name-taken", "somebody is called so")));
    panel.rename("Bob");
    await settled();
    TestRoom.last.opens();
    expect(panel.state).toBe("connected");
    expect(panel.nameProblem).toBe("Somebody is called so.");
    expect(store.values.size).toBe(0);
  });

  it.each([["  ", "Type a name."], ["x".repeat(51), "A name has at most 50 characters."]])("asks for no name that is none", async (name, said) => {
    await connected();
    panel.rename(name);
    expect(panel.nameProblem).toBe(said);
    expect(service.asked.length).toBe(1);
  });
});

describe("moderation", () => {
  const as = async (role: "owner" | "moderator" | "viewer") => {
    service.answer = async () => ({ role });
    return connected();
  };

  it("is the owner's, over everybody else", async () => {
    await as("owner");
    expect(labels(panel.actionsFor(message("m")))).toEqual(["Delete message", "Mute BOB", "Remove BOB", "Make BOB a moderator"]);
    expect(labels(panel.actionsFor(message("m", "carol", "moderator")))).toContain("CAROL no longer moderates");
    expect(labels(panel.actionsFor(message("m", "alice", "owner")))).toEqual(["Delete message"]);
  });

  it("is a moderator's, over neither the owner nor other moderators", async () => {
    await as("moderator");
    expect(labels(panel.actionsFor(message("m")))).toEqual(["Delete message", "Mute BOB", "Remove BOB"]);
    expect(panel.actionsFor(message("m", "carol", "moderator"))).toEqual([]);
    expect(panel.actionsFor(message("m", "owen", "owner"))).toEqual([]);
  });

  it("is nobody else's", async () => {
    await as("viewer");
    expect(panel.actionsFor(message("m"))).toEqual([]);
  });

  it("goes through the API, hides what was deleted, and offers the way back", async () => {
    const room = await as("owner");
    room.options.listener.onMessage(message("m"));
    for (const name of ["delete", "mute", "remove", "promote"] as const) await panel.act({ name, label: "", messageId: "m", userId: "bob" });
    expect(service.done).toEqual(["delete m", 'bob {"muted":true}', "remove bob", 'bob {"moderator":true}']);
    expect(panel.messages.all).toEqual([]);
    expect(labels(panel.actionsFor(message("n")))).toEqual(["Delete message", "Unmute BOB", "Let BOB back in", "BOB no longer moderates"]);
  });

  it("says what was done, and what was not", async () => {
    await as("owner");
    await panel.act({ name: "mute", label: "", messageId: null, userId: "bob" });
    expect(panel.notice).toBe("bob is muted.");
    service.refuses = problem(403, "forbidden");
    await panel.act({ name: "remove", label: "", messageId: null, userId: "bob" });
    expect(panel.notice).toBe("You may not do this. Sign in as somebody who may.");
  });

  it("hides what somebody else has deleted", async () => {
    const { listener } = (await as("viewer")).options;
    listener.onMessage(message("m"));
    listener.onDelete("m");
    expect(panel.messages.all).toEqual([]);
  });

  it("lists those whom it has changed something for", async () => {
    await as("owner");
    service.users = [
      { userId: "bob", displayName: "Bob", moderator: false, muted: true, removed: false },
      { userId: "carol", displayName: null, moderator: true, muted: false, removed: false },
    ];
    expect(panel.moderated).toBe(null);
    await panel.loadModerated();
    expect(panel.moderated?.map(({ user, actions }) => [user.userId, labels(actions)])).toEqual([
      ["bob", ["Unmute Bob"]],
      ["carol", ["carol no longer moderates"]],
    ]);
  });

  it("shows the owner the settings, and saves them as they are written", async () => {
    await as("owner");
    service.kept = { rules: "Be kind.", slowModeSeconds: 5, words: ["spoiler"] };
    expect(panel.settings).toBe(null);
    await panel.loadSettings();
    expect(panel.settings).toEqual(service.kept);
    await panel.saveSettings({ rules: " Be brief. \n", slowModeSeconds: 0, words: "one\n\n two \n" });
    expect(service.done).toEqual(['{"rules":"Be brief.","slowModeSeconds":0,"words":["one","two"]}']);
    expect(panel.settings).toEqual({ rules: "Be brief.", slowModeSeconds: 0, words: ["one", "two"] });
    expect(panel.notice).toBe(SETTINGS_SAVED);
    service.refuses = problem(403, "forbidden");
    await panel.saveSettings({ rules: "", slowModeSeconds: 0, words: "" });
    expect(panel.notice).toBe("You may not do this. Sign in as somebody who may.");
    expect(panel.settings?.rules).toBe("Be brief.");
  });
});

it("stays within its bounds, whatever is heard in whatever order", async () => {
  const room = await connected();
  const random = seeded(7);
  for (let turn = 0; turn < 2000; turn += 1) {
    const id = String(Math.floor(400 * random()));
    if (random() < 0.2) room.options.listener.onDelete(id);
    else room.options.listener.onMessage(message(id));
  }
  expect(panel.messages.all.length).toBeLessThanOrEqual(300);
  expect(new Set(panel.messages.all.map(({ id }) => id)).size).toBe(panel.messages.all.length);
});
