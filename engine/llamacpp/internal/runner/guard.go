package runner

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"inferd/engine/llamacpp/internal/gguf"
)

// ErrHash ends the error about a file that is not the one that was meant.
var ErrHash = errors.New("not the configured one")

// CheckModel refuses a file that native code should not see. The file is opened
// again by llama.cpp; who can swap it in between can as well write it.
func CheckModel(path, wantSHA256 string) (gguf.Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return gguf.Info{}, fmt.Errorf("model file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return gguf.Info{}, fmt.Errorf("model file: %w", err)
	}
	if wantSHA256 != "" {
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return gguf.Info{}, fmt.Errorf("hash the model file: %w", err)
		}
		have := hex.EncodeToString(h.Sum(nil))
		if subtle.ConstantTimeCompare([]byte(have), []byte(strings.ToLower(wantSHA256))) != 1 {
			return gguf.Info{}, fmt.Errorf("model file %s has SHA-256 %s, %w", path, have, ErrHash)
		}
	}
	info, err := gguf.Check(f, st.Size())
	if err != nil {
		return info, fmt.Errorf("model file %s: %w", path, err)
	}
	return info, nil
}

// checkMemory refuses a cache that the machine can not hold: allocating it would
// bring the out-of-memory killer instead of an error.
func (r *Runner) checkMemory(file gguf.Info) error {
	if r.cfg.GPULayers != 0 {
		return nil // it may lie on the device
	}
	need := file.CacheBytesPerToken * int64(r.cfg.CtxPerSeq) * int64(r.cfg.Sequences)
	have, err := availableMemory()
	if err != nil || need < have-have/10 {
		return nil // unknown, or enough
	}
	return fmt.Errorf("a context of %d tokens for each of %d sequences needs %d MiB of memory, "+
		"%d MiB are available; lower --n-ctx or --active-permits",
		r.cfg.CtxPerSeq, r.cfg.Sequences, need>>20, have>>20)
}

var errUnknownMemory = errors.New("available memory is not known")
