#!/bin/sh
# Installs the llama.cpp shared libraries of this machine into DIR (default:
# lib/llama at the repository's top). npm checks each archive against the
# committed lock file's SHA-512; no package script runs. Idempotent: what is
# already there and intact is left alone.
#
#   packaging/llama/fetch.sh [DIR]
set -eu

release=v0.4.0
here=$(cd "$(dirname "$0")" && pwd)
dest=${1:-$here/../../lib/llama}

case "$(uname -s)-$(uname -m)" in
Linux-x86_64) platform=linux-x64 ;;
Linux-aarch64 | Linux-arm64) platform=linux-arm64 ;;
Darwin-arm64) platform=mac-arm64-metal ;;
*)
    echo "fetch.sh: no libraries are published for $(uname -s) $(uname -m);" \
        "build llama.cpp $release and pass its directory with --llama-lib" >&2
    exit 1
    ;;
esac

if command -v sha256sum >/dev/null 2>&1; then
    sums() { sha256sum "$@"; }
else
    sums() { shasum -a 256 "$@"; }
fi

if [ -f "$dest/SHA256SUMS" ] && [ "$(cat "$dest/RELEASE" 2>/dev/null)" = "$release $platform" ] &&
    (cd "$dest" && sums -c SHA256SUMS >/dev/null 2>&1); then
    exit 0
fi

command -v npm >/dev/null 2>&1 || {
    echo "fetch.sh: npm is needed to fetch the llama.cpp libraries" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$work/"
(cd "$work" && npm ci --ignore-scripts --loglevel=error)

bins=$work/node_modules/@node-llama-cpp/$platform/bins/$platform
grep -q "\"release\":\"$release\"" "$bins/_nlcBuildMetadata.json" || {
    echo "fetch.sh: the package does not hold llama.cpp $release" >&2
    exit 1
}

# Assembled aside and moved in one step, so that no half-filled directory is
# ever taken for a whole one.
mkdir "$work/out"
for lib in "$bins"/*.so "$bins"/*.dylib; do
    case "$lib" in
    *\** | */libllama-common.*) continue ;; # no match; C++ helpers we never open
    esac
    cp "$lib" "$work/out/"
done
cp "$work/node_modules/@node-llama-cpp/$platform/LICENSE" "$work/out/LICENSE"
(cd "$work/out" && sums ./lib* >SHA256SUMS)
echo "$release $platform" >"$work/out/RELEASE"

mkdir -p "$(dirname "$dest")"
rm -rf "$dest.new" && cp -R "$work/out" "$dest.new"
rm -rf "$dest" && mv "$dest.new" "$dest"
echo "llama.cpp $release ($platform) in $dest"
