import { expect, it } from "vitest";

import { STATE_TEXTS, STOPPED, textOf } from "./states";

it.each(["$&", "$'", "$$", "{time}"])("shows the name of a channel as it is: %s", (channel) => {
  const { text } = textOf("not-found", { channel, time: "12:00" });
  expect(text).toBe(`There is no channel “${channel}”. Look for a typing error in the address.`);
});

it("speaks of an end only when it has lasted", () => {
  expect(textOf("ended", { channel: "demo", time: "12:00", mayComeBack: true })).toEqual(STOPPED);
  expect(textOf("ended", { channel: "demo", time: "12:00" }).text).toContain("ended at 12:00");
  expect(textOf("waiting", { channel: "demo", mayComeBack: true })).toEqual(STATE_TEXTS.waiting);
});
