#!/usr/bin/env bash
# amazon-ivs-chat-messaging 1.1.1 does not come back after a close that the server announces.
#
# One would guess: a client with `maxReconnectAttempts` reconnects after 1001 (going away), 1011 (error) and 1012 (service
# restart), which say that the server will be back, and gives up after codes of the application's own.
# What happens: after any close frame `disconnect` comes at once, with the reason `serverDisconnect`, and no new attempt. Only
# a connection that breaks without a close frame (1006) is made anew, at once, with a new token.
# What follows: a page that wants to outlive a restart of the service has to call `connect()` itself after
# `serverDisconnect`, with a pause, unless a `userDisconnect` event for its user came before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix . amazon-ivs-chat-messaging@1.1.1 ws@8.23.0 >/dev/null
echo "$(npm ls --depth 0 | grep -o '[a-z-]*@[0-9].*' | paste -sd' '), node $(node --version)"

cat >watch.cjs <<'JS'
const { ChatRoom } = require("amazon-ivs-chat-messaging");
const { WebSocket, WebSocketServer } = require("ws");
globalThis.WebSocket = WebSocket;
// The client's own log; what counts are its events.
console.error = console.warn = console.debug = () => {};

// Connects a room, has the server end its first connection, and tells what the client did until it was quiet.
async function watch(server, name, end) {
  const seen = [];
  let connections = 0;
  const ended = new Promise((resolve) => {
    server.on("connection", (socket) => {
      connections += 1;
      if (connections === 1) socket.once("close", resolve), end(socket);
    });
  });
  const tokenProvider = async () => (seen.push("token"), { token: "t" });
  const room = new ChatRoom({ regionOrUrl: `ws://127.0.0.1:${server.address().port}`, tokenProvider });
  room.logLevel = "error";
  room.addListener("connecting", () => seen.push("connecting"));
  room.addListener("connect", () => seen.push("connect"));
  room.addListener("disconnect", (reason) => seen.push(`disconnect ${reason}`));
  room.connect();
  await ended;
  // Ten times as long as a new connection takes.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  console.log(`${name}: ${seen.join(", ")}`);
  room.disconnect();
  server.removeAllListeners("connection");
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: ([first]) => first });
server.on("listening", async () => {
  for (const code of [1001, 1011, 1012, 4001]) await watch(server, `close ${code}`, (socket) => setTimeout(() => socket.close(code), 300));
  await watch(server, "no close frame", (socket) => setTimeout(() => socket.terminate(), 300));
  process.exit(0);
});
JS
node watch.cjs | tee seen
diff - seen <<'EXPECTED'
close 1001: connecting, token, connect, disconnect serverDisconnect
close 1011: connecting, token, connect, disconnect serverDisconnect
close 1012: connecting, token, connect, disconnect serverDisconnect
close 4001: connecting, token, connect, disconnect serverDisconnect
no close frame: connecting, token, connect, connecting, token, connect
EXPECTED
