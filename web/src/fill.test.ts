import { expect, it } from "vitest";

import { fill } from "./fill";

it("fills names in, and leaves out what is not known", () => {
  expect(fill("“{a}” in {b}{c}", { a: "x", b: 2 })).toBe("“x” in 2");
});

it("takes values as they are, whatever a replacement or another name would be", () => {
  expect(fill("{a} {b}", { a: "$& $' $$ {b}", b: "x" })).toBe("$& $' $$ {b} x");
});
