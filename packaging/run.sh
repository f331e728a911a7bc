#!/usr/bin/env bash
# make run: the daemon on its built-in model, one streamed answer, and how to go on.
#
# Everything lies in a fresh directory under $TMPDIR and goes with the script;
# the user's own config file, log and sockets are neither read nor touched.
# INFERD_RUN_FLAGS are further flags for the daemon, QUESTION is what to ask.
set -euo pipefail
cd "$(dirname "$0")/.."

question=${QUESTION:-What is the capital of France?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/inferd.XXXXXX")
echo '{}' >"$dir/config.json"
pid=

# leave drains the daemon and ends the script with the given code.
leave() {
	trap '' INT TERM HUP
	trap - ERR
	if [ -n "$pid" ] && kill "$pid" 2>/dev/null; then
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$dir"
	exit "$1"
}
trap 'echo >&2; leave 0' INT
trap '' PIPE # who read the output may be gone: a write then fails, and the script ends in order
trap 'leave 0' TERM HUP
trap 'leave 1' ERR

# A job of its own: Ctrl-C reaches the script alone, which asks for one drain.
set -m
# shellcheck disable=SC2086 # flags are to be split
bin/inferd --config "$dir/config.json" --log-dir "$dir/logs" --lock "$dir/inferd.lock" \
	--uds "$dir/infer.sock" --admin-addr "$dir/admin.sock" \
	${INFERD_RUN_FLAGS:-} </dev/null 2>"$dir/stderr" &
pid=$!
set +m

# The socket is there once the model is loaded.
until [ -S "$dir/infer.sock" ]; do
	if ! kill -0 "$pid" 2>/dev/null; then
		cat "$dir/stderr" >&2
		echo "run.sh: the daemon did not start. Without llama.cpp libraries for this machine, try" \
			"INFERD_LLAMA_LIB=DIR make run, or INFERD_RUN_FLAGS='--backend mock' make run." >&2
		leave 1
	fi
	sleep 0.1
done

printf '> %s\n' "$question"
bin/inferdctl chat --uds "$dir/infer.sock" --wait 10s --temperature 0 -p "$question" </dev/null
cat <<EOT

That came token by token from a toy model inside the binary, not an assistant.
The daemon is still running; talk to it from another terminal:

  bin/inferdctl chat --uds $dir/infer.sock
  printf '{"id":"r1","messages":[{"role":"user","content":"What colour is the sky?"}]}\n' |
    nc -N -U $dir/infer.sock
  bin/inferdctl status --admin-addr $dir/admin.sock

Ctrl-C ends it.
EOT
# The daemon's own end, should it come first, ends the script with its code.
code=0
wait "$pid" || code=$?
pid=
[ "$code" -eq 0 ] || cat "$dir/stderr" >&2
leave "$code"
