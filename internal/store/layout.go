package store

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	dirMode  = 0o755
	fileMode = 0o644
	// blobMode is without write permission: content is immutable.
	blobMode = 0o444

	blobPrefix    = "sha256:"
	partialPrefix = ".partial-"
	manifestExt   = ".json"
)

// layout gives the paths below a root. Names and hashes have been checked
// before they get here.
type layout struct{ root string }

func (l layout) blobsDir() string { return filepath.Join(l.root, "blobs", "sha256") }

func (l layout) blobDir(sha string) string { return filepath.Join(l.blobsDir(), sha[:2], sha) }

func (l layout) blob(sha string) string { return filepath.Join(l.blobDir(sha), "data") }

func (l layout) partialDir(sha string) string {
	return filepath.Join(l.blobsDir(), sha[:2], partialPrefix+sha)
}

func (l layout) partial(sha string) string { return filepath.Join(l.partialDir(sha), "data.tmp") }

// origin is where a partial download remembers which bytes it is made of.
func (l layout) origin(sha string) string { return filepath.Join(l.partialDir(sha), "origin.json") }

func (l layout) manifestsDir() string { return filepath.Join(l.root, "manifests") }

func (l layout) manifest(name string) string {
	return filepath.Join(l.manifestsDir(), name+manifestExt)
}

func (l layout) locksDir() string { return filepath.Join(l.root, "locks") }

func (l layout) nameLock(name string) string { return filepath.Join(l.locksDir(), name+".lock") }

func (l layout) blobLock(sha string) string {
	return filepath.Join(l.locksDir(), "blobs", sha+".lock")
}

func (l layout) quarantineDir() string { return filepath.Join(l.locksDir(), "quarantine") }

// create makes the directories that are there in every store.
func (l layout) create() error {
	for _, dir := range []string{
		l.blobsDir(), l.manifestsDir(), filepath.Join(l.locksDir(), "blobs"), l.quarantineDir(),
	} {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return fmt.Errorf("model store: %w", err)
		}
	}
	return nil
}

// parseBlobRef reads the `blob` of a manifest and gives the hash.
func parseBlobRef(ref string) (string, error) {
	sha, ok := strings.CutPrefix(ref, blobPrefix)
	if !ok || !isSHA256(sha) {
		return "", fmt.Errorf("bad blob reference %.100q: want %s and 64 lower-case hex digits",
			ref, blobPrefix)
	}
	return sha, nil
}

func isSHA256(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == 64 && text == strings.ToLower(text)
}

// syncDir makes a rename or a new entry in dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
