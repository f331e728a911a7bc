#!/usr/bin/env bash
# Runs every fuzz target of the module for so many inputs (default 50000x), or for a time (10s).
set -euo pipefail
n=${1:-50000x}
grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r pkg; do
	listed=$(go test -list '^Fuzz' "$pkg") # by itself, so that a failure ends the script
	for target in $(grep '^Fuzz' <<<"$listed"); do
		echo "== $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$n" -fuzzminimizetime 10x "$pkg"
	done
done
