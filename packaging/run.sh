#!/usr/bin/env bash
# make run: the daemon on its built-in model, one streamed answer, and how to go on.
set -euo pipefail
dir=$(mktemp -d "${TMPDIR:-/tmp}/inferd.XXXXXX")
trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; rm -rf "$dir"' EXIT
bin/inferd --uds "$dir/infer.sock" --lock "$dir/inferd.lock" --admin-addr "$dir/admin.sock" \
	${INFERD_RUN_FLAGS:-} &
pid=$!
question=${QUESTION:-What is the capital of France?}
printf '\n> %s\n' "$question"
bin/inferdctl chat --uds "$dir/infer.sock" --wait 60s --temperature 0 -p "$question"
cat <<TXT

That came from a toy model inside the binary. The daemon is still running; talk to it from another terminal:

  bin/inferdctl chat --uds $dir/infer.sock
  printf '{"id":"r1","messages":[{"role":"user","content":"hi"}]}\n' | nc -N -U $dir/infer.sock

Ctrl-C ends it.
TXT
wait "$pid"
