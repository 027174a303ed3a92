# Sourced by the scripts in this folder that need a running local cloud, from the project's root: builds it, starts it on
# free ports as README does, and ends with the script whatever it started.

scratch=$(mktemp -d)
started=()
# Only what this script started ends with it.
stop() {
  for process in "${started[@]}"; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  started=()
}
trap 'stop; rm -rf "$scratch"' EXIT

# As `cargo test --workspace` has it built, or as it is measured.
profile=${profile:-debug}
release=()
[ "$profile" = debug ] || release=(--release)
cargo build --workspace --bin local "${release[@]}"
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

# Waits until a process has written a text, or has ended.
await() { # process, file, text
  until grep -q "$3" "$2"; do
    kill -0 "$1" 2>/dev/null || { cat "$2" "$scratch/local.log" >&2; exit 1; }
    sleep 0.2
  done
}

# Starts the local cloud and takes over its variables, by the line that it prints for a person to paste.
start_cloud() {
  # An earlier cloud's banner must not be taken for this one's.
  : >"$scratch/banner"
  "$target/$profile/local" --ephemeral --no-web --port 0 --aws-port 0 "$@" >"$scratch/banner" 2>"$scratch/local.log" &
  started+=($!)
  await $! "$scratch/banner" 'Ctrl-C'
  eval "$(grep '^eval ' "$scratch/banner")"
}

# Installs the Python tools of these tests from PyPI into a virtual environment of their own (.venv, or $VENV).
install_python_tools() {
  venv=${VENV:-.venv}
  scripts/venv "$venv" tests/requirements.txt
}
