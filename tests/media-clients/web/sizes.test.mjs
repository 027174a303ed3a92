/** How much script a page brings, compressed as it is sent. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const { WEB_DIST } = process.env;
const kilobytes = (file) => gzipSync(readFileSync(file)).length / 1000;

/** A module and what it imports, at once or later. */
function imports(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, name] of text.matchAll(/["'`](?:\.\/|\/?assets\/)([\w.-]+\.js)["'`]/g)) imports(join(WEB_DIST, "assets", name), found);
  return found;
}

for (const page of readdirSync(WEB_DIST).filter((name) => name.endsWith(".html"))) {
  test(`${page} brings little script`, () => {
    const html = readFileSync(join(WEB_DIST, page), "utf8");
    const files = new Set();
    for (const [, path] of html.matchAll(/(?:src|href)="\/(assets\/[\w.-]+\.js)"/g)) imports(join(WEB_DIST, path), files);
    const sizes = [...files].map((file) => ({ kB: kilobytes(file), hls: /hls/.test(file) }));
    const sum = (list) => list.reduce((total, { kB }) => total + kB, 0);
    const [own, all] = [sum(sizes.filter(({ hls }) => !hls)), sum(sizes)];
    console.log(`${page}: ${own.toFixed(1)} kB of script, ${all.toFixed(1)} kB with hls.js`);
    assert(files.size > 0, "no script was found");
    assert(own < 150, `${own} kB`);
    assert(all < 350, `${all} kB`);
  });
}
