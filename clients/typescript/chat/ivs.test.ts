import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { after, afterEach, before, beforeEach, it } from "node:test";

import { ChatClient, type ChatState } from "./client.js";
import { systemClock } from "./clock.js";
import type { ChatError } from "./errors.js";
import { ivsRoom } from "./ivs.js";
import type { ChatMessage } from "./room.js";
import { TestService } from "./testing.js";

// Amazon's own client, with a server of the test's on this machine. Frames are short ones of text, and closes.

let server: Server;
let sockets: Duplex[] = [];
let refuses = false;
let answers: (request: { Content: string; RequestId: string }) => object | null;

before(async () => {
  server = createServer();
  server.on("upgrade", (request, socket: Duplex) => {
    socket.on("error", () => {});
    if (refuses) {
      socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
      return;
    }
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const protocol = request.headers["sec-websocket-protocol"];
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );
    sockets.push(socket);
    socket.on("data", (frame: Buffer) => {
      const text = textOf(frame);
      const answer = text === null ? null : answers(JSON.parse(text) as { Content: string; RequestId: string });
      if (answer !== null) says(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

after(() => void server.close());

beforeEach(() => {
  sockets = [];
  refuses = false;
  answers = ({ Content, RequestId }) => message(Content, RequestId);
});

function textOf(frame: Buffer): string | null {
  if ((frame[0]! & 0x0f) !== 1) return null;
  const short = frame[1]! & 0x7f;
  const [length, start] = short < 126 ? [short, 2] : [frame.readUInt16BE(2), 4];
  const mask = frame.subarray(start, start + 4);
  return Buffer.from(frame.subarray(start + 4, start + 4 + length).map((byte, index) => byte ^ mask[index % 4]!)).toString();
}

function send(opcode: number, payload: Buffer): void {
  const length = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.from([126, payload.length >> 8, payload.length & 255]);
  sockets.at(-1)?.write(Buffer.concat([Buffer.from([0x80 | opcode]), length, payload]));
}

const says = (frame: object) => send(1, Buffer.from(JSON.stringify(frame)));

/** Who closes a WebSocket as a server, ends the connection, too. */
function closes(code: number): void {
  send(8, Buffer.from([code >> 8, code & 255]));
  sockets.at(-1)?.end();
}

let chats: ChatClient[] = [];
afterEach(() => {
  for (const chat of chats) chat.stop();
  chats = [];
  for (const socket of sockets) socket.destroy();
});

let ids = 0;
const id = () => String((ids += 1)).padStart(12, "A");

function message(content: string, request = ""): object {
  const sender = { UserId: "bob", Attributes: { displayName: "Bob", role: "viewer" } };
  return { Type: "MESSAGE", Id: id(), RequestId: request, Attributes: {}, Content: content, SendTime: "2026-03-01T12:00:00Z", Sender: sender };
}

const event = (name: string, attributes: object) => ({ Type: "EVENT", Id: id(), RequestId: "", EventName: name, Attributes: attributes, SendTime: "2026-03-01T12:00:00Z" });

async function until(what: string, condition: () => boolean): Promise<void> {
  const limit = Date.now() + 10_000;
  while (!condition()) {
    assert(Date.now() < limit, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function start(onMessage: (message: ChatMessage) => void = () => {}) {
  const service = new TestService(() => Date.now());
  const endpoint = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // A session that is not renewed: Amazon's client keeps the timer of a room that was left.
  service.answer = async () => ({ endpoint, sessionExpiresAt: new Date(Date.now() + 60_000).toISOString() });
  const heard: string[] = [];
  const states: ChatState["name"][] = [];
  const chat: ChatClient = new ChatClient(
    service,
    // Pauses are tested with a clock that is told to go.
    { makeRoom: ivsRoom, clock: { now: systemClock.now, after: (ms, callback) => systemClock.after(ms / 100, callback) }, random: () => 0.5 },
    {
      onChange: () => void (states.at(-1) !== chat.state.name && states.push(chat.state.name)),
      onMessage: (message) => {
        heard.push(`${message.displayName} ${message.role}: ${message.content}`);
        onMessage(message);
      },
      onDelete: (deleted) => heard.push(`deleted ${deleted}`),
      onEvent: ({ name, attributes }) => heard.push(`${name} ${JSON.stringify(attributes)}`),
    },
  );
  chats.push(chat);
  chat.start();
  return { chat, service, heard, states };
}

it("sends, hears messages, deletions and events", async () => {
  const { chat, heard } = start();
  await until("it is connected", () => chat.state.name === "connected");
  await chat.send("hello");
  says(event("aws:DELETE_MESSAGE", { MessageID: "AAAAAAAAAAAA" }));
  says(event("viewers", { sequence: "3", viewerCount: "7" }));
  await until("all is heard", () => heard.length === 3);
  assert.deepEqual(heard, ["Bob viewer: hello", "deleted AAAAAAAAAAAA", 'viewers {"sequence":"3","viewerCount":"7"}']);
});

it("rejects what IVS refuses with an Error, and what it does not answer when the connection ends", async () => {
  const { chat } = start();
  await until("it is connected", () => chat.state.name === "connected");
  answers = ({ RequestId }) => ({ Type: "ERROR", Id: id(), RequestId, ErrorCode: 406, ErrorMessage: "a word" });
  const refused = await chat.send("hello").then(() => assert.fail(), (error: ChatError) => error);
  assert(refused instanceof Error);
  assert.deepEqual([refused.code, refused.message], ["refused", "a word"]);
  answers = () => null;
  const lost = chat.send("hello").then(() => assert.fail(), (error: ChatError) => error);
  closes(1001);
  assert.equal((await lost).code, "connection-lost");
});

it("comes back after each kind of end, with one token each time", async () => {
  const { chat, service, states } = start();
  await until("it is connected", () => chat.state.name === "connected");
  for (const end of [() => closes(4003), () => closes(1000), () => sockets.at(-1)?.destroy()]) {
    const [before, count] = [sockets.length, states.length];
    end();
    await until("it is connected again", () => sockets.length > before && chat.state.name === "connected" && states.length > count);
  }
  assert.equal(service.asked.length, 4);
  refuses = true;
  closes(1012);
  await until("it was refused three times", () => service.asked.length === 7);
  refuses = false;
  await until("it is connected in the end", () => chat.state.name === "connected");
  assert.equal(sockets.length, 5);
  assert.equal(service.mostAtOnce, 1);
});

it("stays away after its user was removed", async () => {
  const { chat, service } = start();
  await until("it is connected", () => chat.state.name === "connected");
  says(event("aws:DISCONNECT_USER", { UserId: "alice", Reason: "removed" }));
  closes(1000);
  await until("it is removed", () => chat.state.name === "removed");
  assert.equal(service.asked.length, 1);
});

it("goes on hearing after a listener has thrown, whose error is the page's own", async () => {
  const uncaught: string[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => uncaught.push(error.message));
  try {
    const { chat, heard } = start(({ content }) => {
      if (content === "bad") throw new Error("cannot be shown");
    });
    await until("it is connected", () => chat.state.name === "connected");
    says(message("bad"));
    says(message("good"));
    await until("both are heard", () => heard.length === 2);
    await chat.send("still there");
    assert.deepEqual(uncaught, ["cannot be shown"]);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

it("writes nothing to the console, where a token might be", async () => {
  const written: unknown[] = [];
  const { debug, info, log, error } = console;
  Object.assign(console, { debug: written.push.bind(written), info: written.push.bind(written), log: written.push.bind(written), error: written.push.bind(written) });
  try {
    const { chat } = start();
    await until("it is connected", () => chat.state.name === "connected");
    closes(1000);
    await until("it is connected again", () => sockets.length === 2 && chat.state.name === "connected");
  } finally {
    Object.assign(console, { debug, info, log, error });
  }
  assert.deepEqual(written, []);
});
