import { expect, it } from "vitest";

import { textOf } from "./states";

it.each(["$&", "$'", "$$", "{time}"])("shows the name of a channel as it is: %s", (channel) => {
  const { text } = textOf("not-found", { channel, time: "12:00" });
  expect(text).toBe(`There is no channel “${channel}”. Look for a typing error in the address.`);
});
