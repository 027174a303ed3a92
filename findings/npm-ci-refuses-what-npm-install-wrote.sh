#!/usr/bin/env bash
# npm 11 refuses its own lock file if an optional dependency could not be fetched when it was written; npm 10 takes it.
#
# One would guess: an optional dependency that a registry or a proxy does not have is left out, by `npm install` and by `npm
# ci` alike; at least, a lock file that `npm install` has just written, with exit code 0, is good for `npm ci`.
# What happens: `npm install` leaves it out of the lock file without a warning. `npm ci` of npm 11 then calls package.json and
# lock file out of sync, `Missing: ms@ from lock file`, with no version, and advises `npm install`, which changes nothing.
# `--omit=optional` does not help. So it is also if a dependency of a dependency is the optional one. npm 10 passes.
# What follows: a lock file is made where all optional dependencies can be had, those of other platforms included, and
# whoever writes one tries `npm ci` with it before it is committed, with the npm that CI has.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo "node $(node --version)"

# npm_ VERSION ARGUMENTS: runs a version of npm, and says how it ended.
npm_() {
  local version=$1 code=0
  shift
  node "$folder/npm-$version/node_modules/npm/bin/npm-cli.js" "$@" --no-fund --no-audit >log 2>&1 || code=$?
  echo "npm $version $*: exit code $code$(sed -n 's/^npm error \(Missing: .*\)/, \1/p' log)"
}

# No version of `ms` is as new as is asked for.
mkdir direct
echo '{"dependencies": {"is-number": "7.0.0"}, "optionalDependencies": {"ms": ">=9999"}}' >direct/package.json
mkdir -p indirect/part
echo '{"dependencies": {"part": "file:part"}}' >indirect/package.json
echo '{"name": "part", "version": "1.0.0", "optionalDependencies": {"ms": ">=9999"}}' >indirect/part/package.json

for version in 10.9.4 11.19.1; do
  npm install --silent --no-fund --no-audit --prefix "npm-$version" "npm@$version" >/dev/null
  for project in direct indirect; do
    cd "$folder/$project"
    rm -rf node_modules package-lock.json
    echo "$project:"
    npm_ "$version" install
    cp package-lock.json written
    npm_ "$version" ci
    npm_ "$version" ci --omit=optional
    npm_ "$version" install
    cmp written package-lock.json
    cd "$folder"
  done
done | tee seen

diff - seen <<'EXPECTED'
direct:
npm 10.9.4 install: exit code 0
npm 10.9.4 ci: exit code 0
npm 10.9.4 ci --omit=optional: exit code 0
npm 10.9.4 install: exit code 0
indirect:
npm 10.9.4 install: exit code 0
npm 10.9.4 ci: exit code 0
npm 10.9.4 ci --omit=optional: exit code 0
npm 10.9.4 install: exit code 0
direct:
npm 11.19.1 install: exit code 0
npm 11.19.1 ci: exit code 1, Missing: ms@ from lock file
npm 11.19.1 ci --omit=optional: exit code 1, Missing: ms@ from lock file
npm 11.19.1 install: exit code 0
indirect:
npm 11.19.1 install: exit code 0
npm 11.19.1 ci: exit code 1, Missing: ms@ from lock file
npm 11.19.1 ci --omit=optional: exit code 1, Missing: ms@ from lock file
npm 11.19.1 install: exit code 0
EXPECTED
