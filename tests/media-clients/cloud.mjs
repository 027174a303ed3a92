/**
 * The running local cloud: its API, and AWS's own client of its AWS endpoint.
 *
 * tests/media starts it and sets the variables: API, and those that AWS's client reads.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { IvsClient } from "@aws-sdk/client-ivs";

const { API } = process.env;

/** IVS, as AWS's SDK has it. */
export const ivs = new IvsClient();

/** Waits until `condition` gives something, and gives that; fails after `seconds`, which is no measure of anything. */
export async function until(what, condition, seconds = 30) {
  const limit = Date.now() + 1000 * seconds;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > limit) assert.fail(`waited ${seconds} seconds in vain until ${what}`);
    await pause(50);
  }
}

/** Sends a request without a user, and gives status and JSON. */
export async function send(method, path, body, headers = {}) {
  const answer = await fetch(API + path, { method, body: body && JSON.stringify(body), headers });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : undefined };
}

let token;

/** Calls the API as alice, which must be answered as expected, and gives the JSON. */
export async function call(method, path, body) {
  token ??= (await (await fetch(`${API}/_local/token?sub=alice`)).text()).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  let answer;
  // IVS takes five creates a second; a caller is told to come again.
  await until(`${method} ${path} is not busy`, async () => (answer = await send(method, path, body, headers)).status !== 503);
  assert(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Makes a channel, and gives it with its stream key and where to send it to. */
export async function channel(name, settings = {}) {
  const made = await call("PUT", `/channels/${name}`, settings);
  const { streamKey } = await call("GET", `/channels/${name}/stream-key`);
  return { ...made, streamKey, target: made.ingestUrl + streamKey };
}

/** The channel as `GET /streams` lists it, if it does. */
export async function listed(name) {
  const { body } = await send("GET", "/streams");
  return body.items.find((stream) => stream.channel === name);
}

/** Waits until a channel is on the list, and gives its entry and the time. */
export async function onAir(name) {
  const stream = await until(`${name} is listed`, () => listed(name));
  return { stream, at: Date.now() };
}

/** Waits until a channel is not on the list, and gives the time. */
export async function offAir(name) {
  await until(`${name} is listed no more`, async () => !(await listed(name)));
  return Date.now();
}

/** What `GET /streams/{channel}` says. */
export async function stream(name) {
  return (await send("GET", `/streams/${name}`)).body;
}
