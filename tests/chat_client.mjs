// IVS Chat of the local cloud, with Amazon's own client: amazon-ivs-chat-messaging of clients/typescript, where this is run.
// What that client does not understand, it drops without a word, or waits for ever. Run by tests/typescript-client.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { afterEach, before, test } from "node:test";

const { ChatRoom, DeleteMessageRequest, DisconnectUserRequest, SendMessageRequest } = createRequire(`${process.cwd()}/`)(
  "amazon-ivs-chat-messaging",
);

const { API, AWS_ENDPOINT_URL } = process.env;
const EVERYTHING = ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"];
const silent = { debug() {}, info() {}, error() {} };
const authorization =
  "AWS4-HMAC-SHA256 Credential=local/20300101/us-east-1/ivschat/aws4_request, SignedHeaders=host, Signature=0";

let url;
let rooms = [];

before(async () => {
  // Each test makes a room or two; five a second is the rate of IVS.
  await fetch(`${API}/_local/quotas`, { method: "PUT", body: JSON.stringify({ CreateRoom: 1000, DeleteRoom: 1000 }) });
  url = (await (await fetch(`${API}/_local/about`)).json()).addresses.chat;
});

afterEach(() => {
  for (const room of rooms) if (room.state !== "disconnected") room.disconnect();
  rooms = [];
});

async function ivs(operation, input) {
  const answer = await fetch(`${AWS_ENDPOINT_URL}/${operation}`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  assert.ok(answer.ok, `${operation}: ${answer.status}`);
  const text = await answer.text();
  return text === "" ? null : JSON.parse(text);
}

const createRoom = async (input = {}) => (await ivs("CreateRoom", input)).arn;

/** The next event of a name. */
const next = (room, name) =>
  new Promise((resolve) => {
    const remove = room.addListener(name, (...heard) => {
      remove();
      resolve(heard[0]);
    });
  });

/** A client that is connected. Its token's expiry is not told: it would come back with a new one half a minute later. */
async function enter(roomIdentifier, userId, capabilities = []) {
  const tokenProvider = async () => {
    const attributes = { displayName: userId };
    return { token: (await ivs("CreateChatToken", { roomIdentifier, userId, capabilities, attributes })).token };
  };
  const room = new ChatRoom({ regionOrUrl: url, tokenProvider, maxReconnectAttempts: 0 });
  room.logger = silent;
  rooms.push(room);
  const connected = next(room, "connect");
  room.connect();
  await connected;
  return room;
}

test("a message is the answer to its sender, and comes to the others", async () => {
  const arn = await createRoom();
  const [alice, bob] = [await enter(arn, "alice", EVERYTHING), await enter(arn, "bob")];
  const heard = next(bob, "message");
  const sent = await alice.sendMessage(new SendMessageRequest("hello", { sticker: "wave" }));
  const message = await heard;
  assert.equal(message.id, sent.id);
  assert.deepEqual([message.content, message.attributes], ["hello", { sticker: "wave" }]);
  assert.deepEqual([message.sender.userId, message.sender.attributes], ["alice", { displayName: "alice" }]);
  assert.ok(message.sendTime instanceof Date && !Number.isNaN(message.sendTime.getTime()));
});

test("a deletion is the answer to who asked for it, and comes to the others", async () => {
  const arn = await createRoom();
  const [alice, bob] = [await enter(arn, "alice", EVERYTHING), await enter(arn, "bob")];
  const { id } = await alice.sendMessage(new SendMessageRequest("spam"));
  const heard = next(bob, "messageDelete");
  await alice.deleteMessage(new DeleteMessageRequest(id, "spam"));
  const { messageId, reason } = await heard;
  assert.deepEqual([messageId, reason], [id, "spam"]);
});

test("who is sent away hears why, and that the server has ended it", async () => {
  const arn = await createRoom();
  const [alice, bob] = [await enter(arn, "alice", EVERYTHING), await enter(arn, "bob")];
  const [told, ended] = [next(bob, "userDisconnect"), next(bob, "disconnect")];
  await alice.disconnectUser(new DisconnectUserRequest("bob", "rude"));
  const { userId, reason } = await told;
  assert.deepEqual([userId, reason], ["bob", "rude"]);
  assert.equal(await ended, "serverDisconnect");
  assert.equal(alice.state, "connected");
});

test("the API's events, deletions and disconnections are heard", async () => {
  const roomIdentifier = await createRoom();
  const alice = await enter(roomIdentifier, "alice");
  const [event, deletion, end] = [next(alice, "event"), next(alice, "messageDelete"), next(alice, "disconnect")];
  await ivs("SendEvent", { roomIdentifier, eventName: "viewers", attributes: { count: "3" } });
  await ivs("DeleteMessage", { roomIdentifier, id: "abcdefghijkl" });
  await ivs("DisconnectUser", { roomIdentifier, userId: "alice" });
  const { eventName, attributes } = await event;
  assert.deepEqual([eventName, attributes], ["viewers", { count: "3" }]);
  assert.equal((await deletion).messageId, "abcdefghijkl");
  assert.equal(await end, "serverDisconnect");
});

test("refusals reject with their numbers", async () => {
  const arn = await createRoom({ maximumMessageLength: 5 });
  const [alice, bob] = [await enter(arn, "alice", EVERYTHING), await enter(arn, "bob")];
  const code = (errorCode) => (error) => error.errorCode === errorCode;
  await assert.rejects(bob.sendMessage(new SendMessageRequest("x")), code(403));
  await assert.rejects(bob.deleteMessage(new DeleteMessageRequest("abcdefghijkl")), code(403));
  await assert.rejects(bob.disconnectUser(new DisconnectUserRequest("alice")), code(403));
  await assert.rejects(alice.sendMessage(new SendMessageRequest("too long")), code(413));
  const many = Array.from({ length: 50 }, () => alice.sendMessage(new SendMessageRequest("x")));
  const settled = await Promise.allSettled(many);
  assert.ok(settled.some(({ reason }) => reason?.errorCode === 429));
  assert.ok(settled.some(({ status }) => status === "fulfilled"));
});

test("a room that is deleted ends its connections", async () => {
  const identifier = await createRoom();
  const end = next(await enter(identifier, "alice"), "disconnect");
  await ivs("DeleteRoom", { identifier });
  assert.equal(await end, "serverDisconnect");
});

test("a handler that has no answer lets through or denies as the room says", async () => {
  const uri = "arn:aws:lambda:us-east-1:000000000000:function:nobody";
  for (const [fallbackResult, expected] of [["ALLOW", "x"], ["DENY", 406]]) {
    const alice = await enter(await createRoom({ messageReviewHandler: { uri, fallbackResult } }), "alice", EVERYTHING);
    const sent = alice.sendMessage(new SendMessageRequest("x"));
    assert.equal(await sent.then(({ content }) => content, (error) => error.errorCode), expected);
  }
});

test("a session ends after its minutes", async () => {
  const roomIdentifier = await createRoom();
  const input = { roomIdentifier, userId: "alice", sessionDurationInMinutes: 1 };
  const room = new ChatRoom({
    regionOrUrl: url,
    tokenProvider: async () => ({ token: (await ivs("CreateChatToken", input)).token }),
    maxReconnectAttempts: 0,
  });
  room.logger = silent;
  rooms.push(room);
  const end = next(room, "disconnect");
  room.connect();
  assert.equal(await end, "serverDisconnect");
});
