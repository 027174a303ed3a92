import { expect, it } from "vitest";

import { KEPT, MessageList, Unread } from "./messages";

const message = (id: string) => ({ id, userId: "bob", displayName: "Bob", role: "viewer", content: id, sentAt: 0 });
const ids = (list: MessageList) => list.all.map(({ id }) => id);

it("shows a message once, however often it comes", () => {
  const list = new MessageList();
  expect([list.add(message("a")), list.add(message("b")), list.add(message("a"))]).toEqual([true, true, false]);
  expect(ids(list)).toEqual(["a", "b"]);
});

it("shows none that was deleted, even before it came", () => {
  const list = new MessageList();
  list.add(message("a"));
  list.delete("a");
  list.delete("b");
  expect([list.add(message("a")), list.add(message("b"))]).toEqual([false, false]);
  expect(ids(list)).toEqual([]);
});

it("keeps the latest", () => {
  const list = new MessageList();
  for (let index = 0; index < KEPT + 10; index += 1) list.add(message(String(index)));
  expect(list.all.length).toBe(KEPT);
  expect(list.all[0]?.id).toBe("10");
});

it("counts what came since somebody who scrolled up saw the end", () => {
  const unread = new Unread();
  unread.added();
  expect(unread.count).toBe(0);
  unread.scrolled(false);
  unread.added();
  unread.added();
  expect([unread.count, unread.atEnd]).toEqual([2, false]);
  unread.scrolled(true);
  expect([unread.count, unread.atEnd]).toEqual([0, true]);
});
