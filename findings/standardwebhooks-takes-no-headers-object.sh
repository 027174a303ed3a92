#!/usr/bin/env bash
# standardwebhooks 1.1.1 of npm finds no header in a `Headers` object.
#
# One would guess: a receiver in a runtime with fetch (a service worker, an edge function, Hono, Next.js) verifies a webhook
# by `webhook.verify(await request.text(), request.headers)`.
# What happens: the library lists the object's own properties, and a `Headers` has none: "Missing required headers" for a
# request that has all three, with the right signature. `Object.fromEntries(request.headers)` passes.
# What follows: documentation that shows a receiver shows the conversion, and runs it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix . standardwebhooks@1.1.1 >/dev/null
echo "$(npm ls --depth 0 | grep -o '[a-z-]*@[0-9].*' | paste -sd' '), node $(node --version)"

cat >verify.cjs <<'JS'
const { Webhook } = require("standardwebhooks");

const webhook = new Webhook(`whsec_${Buffer.alloc(24, 7).toString("base64")}`);
const [id, at, body] = ["evt_1", new Date(), '{"type":"stage.created"}'];
const headers = {
  "webhook-id": id,
  "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
  "webhook-signature": webhook.sign(id, at, body),
};
const request = new Request("http://localhost/", { method: "POST", headers, body });
const tried = { "request.headers": request.headers, "Object.fromEntries(request.headers)": Object.fromEntries(request.headers) };
for (const [name, given] of Object.entries(tried)) {
  try {
    webhook.verify(body, given);
    console.log(`${name}: verified`);
  } catch (error) {
    console.log(`${name}: ${error.name}: ${error.message}`);
  }
}
JS
node verify.cjs | tee seen
diff - seen <<'EXPECTED'
request.headers: WebhookVerificationError: Missing required headers
Object.fromEntries(request.headers): verified
EXPECTED
