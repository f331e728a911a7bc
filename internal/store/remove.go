package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"inferd/internal/store/modelname"
)

// Removed is what [Store.Remove] did.
type Removed struct {
	FreedBytes int64    // 0 if the content stays
	SharedWith []string // names that need the content too
}

// Remove takes a name out of the store, and its content if no other name needs
// it. A process that has the content open keeps it until it closes it. A model
// that is being fetched is not removed: ErrBusy.
func (s *Store) Remove(name string) (Removed, error) {
	if err := modelname.Check(name); err != nil {
		return Removed{}, err
	}
	m, err := s.readManifest(name)
	if err == nil && m == nil {
		return Removed{}, fmt.Errorf("model %q: %w", name, ErrNotFound)
	}
	if err := s.create(); err != nil {
		return Removed{}, err
	}
	unlock, err := s.tryLock(s.nameLock(name))
	if err != nil {
		return Removed{}, fmt.Errorf("model %q: %w", name, err)
	}
	defer unlock()
	// Again under the lock. A manifest that can't be read names no content.
	m, readErr := s.readManifest(name)
	if m == nil {
		if readErr == nil {
			return Removed{}, fmt.Errorf("model %q: %w", name, ErrNotFound)
		}
		return Removed{}, os.Remove(s.manifest(name))
	}
	sha := m.SHA256()
	unlockBlob, err := s.tryLock(s.blobLock(sha))
	if err != nil {
		return Removed{}, fmt.Errorf("model %q: %w", name, err)
	}
	defer unlockBlob()
	return s.removeLocked(name, sha)
}

// removeLocked asks who else needs the content before the name is gone: content
// without a name could not be removed any more.
func (s *Store) removeLocked(name, sha string) (Removed, error) {
	others, err := s.usersOf(sha, name)
	if err != nil {
		return Removed{}, err
	}
	if err := os.Remove(s.manifest(name)); err != nil {
		return Removed{}, err
	}
	synced := syncDir(s.manifestsDir()) // the name is gone in any case, and the content has to go
	if len(others) > 0 {
		return Removed{SharedWith: others}, synced
	}
	var r Removed
	if info, err := os.Stat(s.blob(sha)); err == nil {
		r.FreedBytes = info.Size()
	}
	return r, os.RemoveAll(s.blobDir(sha))
}

// usersOf names the manifests but one that need some content, those of other tools
// included, whose names may follow other rules. It gives an error rather than
// an incomplete list. The caller holds the content's lock.
func (s *Store) usersOf(sha, except string) ([]string, error) {
	entries, err := os.ReadDir(s.manifestsDir())
	if err != nil {
		return nil, err
	}
	var users []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), manifestExt)
		if !ok || name == except {
			continue
		}
		m, err := decodeManifest(filepath.Join(s.manifestsDir(), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("nothing is removed, for another model may need the content: %w", err)
		}
		if m.Blob == blobPrefix+sha {
			users = append(users, name)
		}
	}
	return users, nil
}
