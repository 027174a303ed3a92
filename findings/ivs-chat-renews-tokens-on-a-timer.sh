#!/usr/bin/env bash
# amazon-ivs-chat-messaging 1.1.1 asks for new chat tokens, and connects anew, while it is connected.
#
# One would guess: a chat token opens a connection within `tokenExpirationTime` and is used up; the connection lasts until
# `sessionExpirationTime`, so the token provider is called again when the client has lost its connection.
# What happens: 30 seconds before `tokenExpirationTime` the provider is called again, on a healthy connection whose session
# has hours to go; a second connection is opened with the new token, and the first one closed. No event tells of it.
# What follows: with the usual one-minute token each open page mints a token every half a minute. Hand the client the
# session's end as `tokenExpirationTime`, and limit how often one user is given a token.
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
console.error = console.warn = console.debug = () => {};

// What a room does in the eight seconds after it was told to connect, and which of it is told by events.
async function watch(server, name, seconds) {
  let [open, connections, tokens] = [0, 0, 0];
  const told = [];
  server.on("connection", (socket) => {
    connections += 1;
    open += 1;
    socket.on("close", () => (open -= 1));
  });
  const at = (ms) => new Date(Date.now() + ms);
  const tokenProvider = async () => {
    tokens += 1;
    return { token: `t${tokens}`, tokenExpirationTime: at(seconds * 1000), sessionExpirationTime: at(7_200_000) };
  };
  const room = new ChatRoom({ regionOrUrl: `ws://127.0.0.1:${server.address().port}`, tokenProvider });
  room.logLevel = "error";
  for (const event of ["connecting", "connect", "disconnect"]) room.addListener(event, () => told.push(event));
  room.connect();
  await new Promise((resolve) => setTimeout(resolve, 8000));
  console.log(`${name}: ${tokens} token(s), ${connections} connection(s), ${open} open, told: ${told.join(", ")}`);
  room.disconnect();
  server.removeAllListeners("connection");
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: ([first]) => first });
server.on("listening", async () => {
  await watch(server, "token expires in 35 s, session in two hours", 35);
  await watch(server, "both expire in two hours", 7200);
  process.exit(0);
});
JS
node watch.cjs | tee seen
diff - seen <<'EXPECTED'
token expires in 35 s, session in two hours: 2 token(s), 2 connection(s), 1 open, told: connecting, connect
both expire in two hours: 1 token(s), 1 connection(s), 1 open, told: connecting, connect
EXPECTED
