package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"io"
	"os"
)

// sameSHA256 compares two hashes in time that does not depend on them.
func sameSHA256(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// hashFile gives the SHA-256 and length of a file.
func hashFile(ctx context.Context, path string) (sha string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = hashInto(ctx, h, f)
	return hexSum(h), size, err
}

// hashInto feeds r to h until EOF or the end of ctx.
func hashInto(ctx context.Context, h hash.Hash, r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{h}, contextReader{ctx, r},
		make([]byte, copyBufferBytes))
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// contextReader ends with ctx's error once ctx is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
