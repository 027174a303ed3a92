/** Tickets that a server refuses, as a page sees it: by the close code, as the protocol has it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startChromium } from "../browsers.mjs";
import { call, channel } from "../cloud.mjs";
import { ALLOWED, broadcast, dynamodb, servers, Tab } from "./studio.mjs";

const REFUSED = 4401;
let browser;
before(async () => {
  browser = await startChromium(ALLOWED);
  await servers(1);
});
after(() => browser?.close());

/** A page of the site from which sockets are opened, so that all of the browser's rules hold. */
const site = (test) => Tab.open(test, browser, "/watch/nobody");

/** Connects with a ticket. Gives the first message, then ends the broadcast; or the code that it was closed with. */
const connect = (tab, url, ticket) =>
  tab.page.evaluate(
    ([url, ticket]) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, ["greenroom.broadcast.v1", `greenroom.ticket.${ticket}`]);
        let first;
        socket.onmessage = ({ data }) => {
          if (first !== undefined) return;
          first = JSON.parse(data).type;
          socket.send(JSON.stringify({ type: "stop" }));
        };
        socket.onclose = ({ code }) => resolve({ first, code });
      }),
    [url, ticket],
  );

async function ticket(name) {
  await channel(name);
  return call("POST", "/broadcasts", { channel: name });
}

test("a ticket is good once", async (t) => {
  const tab = await site(t);
  const { url, ticket: good } = await ticket("web-used");
  assert.deepEqual(await connect(tab, url, good), { first: "ready", code: 1000 });
  assert.equal((await connect(tab, url, good)).code, REFUSED);
});

test("a used ticket is refused while its broadcast goes on, and does not disturb it", async (t) => {
  const tab = await site(t);
  const { broadcast: id, url, ticket: good } = await ticket("web-twice");
  await tab.page.evaluate(
    ([url, ticket]) =>
      new Promise((resolve) => {
        globalThis.held = new WebSocket(url, ["greenroom.broadcast.v1", `greenroom.ticket.${ticket}`]);
        held.onmessage = resolve;
      }),
    [url, good],
  );
  assert.equal((await connect(tab, url, good)).code, REFUSED);
  assert.equal(await tab.page.evaluate(() => held.readyState), 1);
  assert.equal((await broadcast(id)).state, "connecting");
});

test("a forged ticket is refused, and the real one is good still", async (t) => {
  const tab = await site(t);
  const { broadcast: id, url, ticket: good } = await ticket("web-forged");
  const secret = good.split(".")[1];
  const forged = `${id}.${secret[0] === "A" ? "B" : "A"}${secret.slice(1)}`;
  assert.equal((await connect(tab, url, forged)).code, REFUSED);
  assert.equal((await connect(tab, url, `${id}.`)).code, REFUSED);
  assert.equal((await connect(tab, url, `nobody.${secret}`)).code, REFUSED);
  assert.equal((await broadcast(id)).state, "waiting");
  assert.equal((await connect(tab, url, good)).first, "ready");
});

test("an expired ticket is refused", async (t) => {
  const tab = await site(t);
  const { broadcast: id, url, ticket: good } = await ticket("web-expired");
  const { Item } = await dynamodb("GetItem", { TableName: "greenroom-broadcasts", Key: { broadcast: { S: id } } });
  const [type, value] = Object.entries(Item.ticketExpiresAt)[0];
  // A minute and a second earlier, in the item's own notation.
  const past = type === "N" ? { N: String(Number(value) - 61_000) } : { S: new Date(Date.parse(value) - 61_000).toISOString() };
  await dynamodb("UpdateItem", {
    TableName: "greenroom-broadcasts",
    Key: { broadcast: { S: id } },
    UpdateExpression: "SET ticketExpiresAt = :past",
    ExpressionAttributeValues: { ":past": past },
  });
  assert.equal((await connect(tab, url, good)).code, REFUSED);
});

test("a ticket for another server is refused, and is good there still", async (t) => {
  const offered = await servers(2);
  t.after(() => servers(1));
  const tab = await site(t);
  const { url, ticket: good } = await ticket("web-foreign");
  const ids = offered.map((row) => row.taskId.S);
  const own = ids.find((id) => url.includes(id));
  const foreign = url.replace(own, ids.find((id) => id !== own));
  assert.equal((await connect(tab, foreign, good)).code, REFUSED);
  assert.equal((await connect(tab, url, good)).first, "ready");
});

test("another ticket makes the one before worthless", async (t) => {
  const tab = await site(t);
  const { broadcast: id, url, ticket: before } = await ticket("web-again");
  const { ticket: good, url: there } = await call("POST", `/broadcasts/${id}/tickets`);
  assert.equal((await connect(tab, url, before)).code, REFUSED);
  assert.equal((await connect(tab, there, good)).first, "ready");
});
