#!/usr/bin/env bash
# amazon-ivs-chat-messaging 1.1.1 hears nothing any more once one of its listeners has thrown.
#
# One would guess: what a listener throws is that listener's own affair, as with EventTarget, or ends the process, as with
# Node's EventEmitter. In a page, an error goes to the console and the next message comes as before.
# What happens: the error is thrown on, out of the client's own stream of received frames, which is over after that. No
# listener of any event is called again, `sendMessage` neither resolves nor rejects although the server answers, and a
# connection that breaks is not noticed. `state` stays `connected`.
# What follows: every listener that is given to a room catches what it throws, such as for a message that it cannot show.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix . amazon-ivs-chat-messaging@1.1.1 ws@8.23.0 >/dev/null
echo "$(npm ls --depth 0 | grep -o '[a-z-]*@[0-9].*' | paste -sd' '), node $(node --version)"

cat >listen.cjs <<'JS'
const { ChatRoom, SendMessageRequest } = require("amazon-ivs-chat-messaging");
const { WebSocket, WebSocketServer } = require("ws");
globalThis.WebSocket = WebSocket;
// The client's own log; what counts are its events.
console.error = console.warn = console.debug = () => {};
// As a page does, which goes on after an error that nobody caught.
process.on("uncaughtException", (error) => console.log(`uncaught: ${error.message}`));

const frame = (Id, RequestId) =>
  JSON.stringify({
    ...{ Type: "MESSAGE", Id, RequestId, Attributes: {}, Content: Id, SendTime: "2026-03-01T12:00:00Z" },
    Sender: { UserId: "alice", Attributes: {} },
  });
// Long enough for what takes milliseconds.
const settle = () => new Promise((resolve) => setTimeout(resolve, 1000));

async function listen(server, name, listener) {
  let socket;
  server.once("connection", (connected) => {
    socket = connected;
    socket.on("message", (text) => socket.send(frame("BBBBBBBBBBBB", JSON.parse(text).RequestId)));
  });
  const room = new ChatRoom({
    regionOrUrl: `ws://127.0.0.1:${server.address().port}`,
    tokenProvider: async () => ({ token: "t" }),
  });
  room.logLevel = "error";
  const seen = [];
  for (const event of ["message", "connecting"]) room.addListener(event, (what) => seen.push(what?.content ?? event));
  room.addListener("message", listener);
  await new Promise((resolve) => {
    room.addListener("connect", resolve);
    room.connect();
  });
  seen.length = 0;
  socket.send(frame("AAAAAAAAAAAA", ""));
  await settle();
  const sent = room.sendMessage(new SendMessageRequest("hello")).then(() => "resolved");
  seen.push(await Promise.race([sent, settle().then(() => "sendMessage is pending")]));
  socket.terminate();
  await settle();
  console.log(`${name}: ${seen.join(", ")}; ${room.state}`);
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: ([first]) => first });
server.on("listening", async () => {
  await listen(server, "a listener that catches", () => {});
  await listen(server, "a listener that throws", () => {
    throw new Error("cannot be shown");
  });
  process.exit(0);
});
JS
node listen.cjs | tee seen
diff - seen <<'EXPECTED'
a listener that catches: AAAAAAAAAAAA, BBBBBBBBBBBB, resolved, connecting; connected
uncaught: cannot be shown
a listener that throws: AAAAAAAAAAAA, sendMessage is pending; connected
EXPECTED
