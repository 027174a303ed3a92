#!/usr/bin/env bash
# The libraries of Standard Webhooks do not agree on what a secret is.
#
# One would guess: a secret that one of them takes, all take, as the same key; one that is misspelt is refused by each.
# What happens: with base64 of the URL's alphabet (`-` and `_`), Python's library makes another key of it and says nothing:
# it leaves out what it does not know, so that each delivery then has a wrong signature. npm's refuses that one. Without the
# padding, both read the right key. npm's refuses a newline at the end, as files and secret stores like to add, Python's
# does not mind it.
# What follows: a sender makes secrets of 24 bytes, whose base64 has no padding, in the standard alphabet, and whoever
# stores one trims it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --prefix . standardwebhooks@1.1.1 >/dev/null
python3.11 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check standardwebhooks==1.1.0
echo "$(npm ls --depth 0 | grep -o '[a-z-]*@[0-9].*'), node $(node --version), standardwebhooks of PyPI $(venv/bin/pip show standardwebhooks | sed -n 's/^Version: //p')"

# A key of 32 bytes whose base64 has a `+`, a `/` and padding.
cat >secrets.json <<'JSON'
{
  "standard": "whsec_++++////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  "for URLs": "whsec_----____AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  "without padding": "whsec_++++////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "with a newline": "whsec_++++////AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
}
JSON
cat >read.cjs <<'JS'
const { Webhook } = require("standardwebhooks");

const sign = (secret) => new Webhook(secret).sign("msg_1", new Date(1772366400000), "{}");
const secrets = require("./secrets.json");
for (const [name, secret] of Object.entries(secrets)) {
  try {
    console.log(`npm, ${name}: ${sign(secret) === sign(secrets.standard) ? "the same key" : "another key"}`);
  } catch (error) {
    console.log(`npm, ${name}: ${error.message}`);
  }
}
JS
cat >read.py <<'PY'
import datetime
import json

from standardwebhooks import Webhook


def sign(secret):
    return Webhook(secret).sign("msg_1", datetime.datetime.fromtimestamp(1772366400, datetime.timezone.utc), "{}")


secrets = json.load(open("secrets.json"))
for name, secret in secrets.items():
    try:
        print(f"PyPI, {name}: {'the same key' if sign(secret) == sign(secrets['standard']) else 'another key'}")
    except Exception as error:
        print(f"PyPI, {name}: {error}")
PY
{ node read.cjs && venv/bin/python read.py; } | tee seen
diff - seen <<'EXPECTED'
npm, standard: the same key
npm, for URLs: Base64Coder: incorrect characters for decoding
npm, without padding: the same key
npm, with a newline: Base64Coder: incorrect characters for decoding
PyPI, standard: the same key
PyPI, for URLs: another key
PyPI, without padding: the same key
PyPI, with a newline: the same key
EXPECTED
