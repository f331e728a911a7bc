package llama

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Release is the llama.cpp release that packaging/llama fetches.
const Release = "v0.4.0"

// knownVersions are the answers of llama_version() whose struct layout is the
// one in layout.go.
var knownVersions = map[string]bool{"0.4.0-dev": true, "0.4.0": true}

// pinnedSHA256 holds the libraries of the fetched packages whose layout this
// binding depends on. Files of other builds (a distribution's) are told apart
// by it, not refused: the version decides.
var pinnedSHA256 = map[string]string{
	"a1e1a2f1d1261070e33f25eca89700cfcf4b824f6a4113e9bc111c17aefcb52f": "linux-x64 libllama",
	"a8810737479e61c0131576a7a7b8d6ee09b1c161055065ba0579f671da7eb04c": "linux-x64 libggml",
	"1eba024559799447e34687e12b6794e79ad3768a1b3d2cbca9fadc829f0f85c7": "linux-x64 libggml-base",
	"a671d2a1746dc07ec69fe72a64daaafd2e2fb7ee3421b0c346ed76a8c7abc3c8": "linux-arm64 libllama",
	"2f4766ceb830566f5ec86b22fbfe6dc7f209102875ef5b5dace9be8a96fa8b2b": "linux-arm64 libggml",
	"5f02f4baf1660fce8f607693694eb644035caf7e5bc33103edc316da85229066": "linux-arm64 libggml-base",
	"0f59592ce092fea073d9de2f0589ea9527a0e1fb1856af6ddd2970b32eeb28d1": "mac-arm64 libllama",
	"a70f1a5d40685bb81aaa25d9a794b05e06d63e2d64986e3d409e0365b61cf120": "mac-arm64 libggml",
	"d0b909f22bfeaf3dbb5f7a992d9e48710b897dd5db95ef82e8317c9c2474e28c": "mac-arm64 libggml-base",
}

// releaseFile marks a directory that packaging/llama/fetch.sh filled: there the
// hashes must match.
const releaseFile = "RELEASE"

// verifyPins reports whether the files are those of the pinned packages. In a
// directory that says it holds them, anything else is an error.
func verifyPins(dir string, files []string) (pinned bool, err error) {
	pinned = true
	for _, f := range files {
		sum, err := fileSHA256(f)
		if err != nil {
			return false, err
		}
		if _, ok := pinnedSHA256[sum]; !ok {
			pinned = false
		}
	}
	release, err := os.ReadFile(filepath.Join(dir, releaseFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return pinned, nil
	case err != nil:
		return false, fmt.Errorf("read %s of the llama.cpp libraries: %w", releaseFile, err)
	case !pinned && strings.HasPrefix(string(release), Release+" "):
		return false, fmt.Errorf("%w: libraries in %s differ from llama.cpp %s as published; "+
			"delete the directory and run packaging/llama/fetch.sh", ErrUnknownLibrary, dir, Release)
	}
	return pinned, nil
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
