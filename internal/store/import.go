package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"inferd/internal/store/modelname"
)

// Import copies a local file into the store under a name and gives its
// content's path. The source is left as it is. expectSHA, if not empty, must be
// the file's SHA-256. A name that stands for other content is refused: remove
// it first.
func (s *Store) Import(ctx context.Context, path, name, expectSHA string) (string, error) {
	if err := modelname.Check(name); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	s.opt.Progress(Event{Phase: PhaseVerify, Path: path})
	if expectSHA != "" && !isSHA256(strings.ToLower(expectSHA)) {
		return "", fmt.Errorf("the expected SHA-256 %q is not 64 hex digits", expectSHA)
	}
	sha, size, err := hashFile(ctx, path)
	if err != nil {
		return "", fmt.Errorf("hash %s: %w", path, err)
	}
	if expectSHA != "" && !sameSHA256(sha, expectSHA) {
		return "", &MismatchError{Expected: expectSHA, Actual: sha}
	}
	if err := s.create(); err != nil {
		return "", err
	}
	unlock, err := s.lockBoth(ctx, name, sha)
	if err != nil {
		return "", err
	}
	defer unlock()
	if m, err := s.readManifest(name); err == nil && m != nil && m.SHA256() != sha {
		return "", fmt.Errorf("model %q is already there with other content (sha256 %s): "+
			"remove it first", name, m.SHA256())
	}
	present, err := s.adopt(ctx, sha)
	if err == nil && !present {
		err = s.copyIn(ctx, path, sha, size)
	}
	if err != nil {
		return "", fmt.Errorf("import %s: %w", path, err)
	}
	spec := Spec{Name: name, SHA256: sha}
	source := Source{Registry: RegistryImport, Filename: filepath.Base(path)}
	return s.blob(sha), s.install(spec, source)
}

// copyIn copies and then hashes the copy: the source may have changed since it
// was hashed.
func (s *Store) copyIn(ctx context.Context, path, sha string, size int64) error {
	if err := s.wantSpace(size); err != nil {
		return err
	}
	if err := os.MkdirAll(s.partialDir(sha), dirMode); err != nil {
		return err
	}
	partial := s.partial(sha)
	err := s.copyFile(ctx, path, partial)
	if err == nil {
		var actual string
		actual, _, err = hashFile(ctx, partial)
		if err == nil && !sameSHA256(actual, sha) {
			err = errors.New("the file changed while it was copied")
		}
	}
	if err == nil {
		err = s.commit(partial, sha)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(s.partialDir(sha)))
	}
	return nil
}

func (s *Store) copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := s.openFile(to)
	if err != nil {
		return err
	}
	err = out.Truncate(0)
	if err == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{out}, contextReader{ctx, in},
			make([]byte, copyBufferBytes))
	}
	if err == nil {
		err = out.Sync()
	}
	return diskError(errors.Join(err, out.Close()))
}

// Verify hashes a model's content. Content of the wrong hash is put into
// quarantine and reported as a *[MismatchError]; the next Fetch brings it anew.
func (s *Store) Verify(ctx context.Context, name string) (*Manifest, error) {
	if err := modelname.Check(name); err != nil {
		return nil, err
	}
	m, err := s.readManifest(name)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("model %q: %w", name, ErrNotFound)
	}
	sha := m.SHA256()
	blob := s.blob(sha)
	if err := blobProblem(blob, 0); err != nil {
		return m, err
	}
	if err := s.create(); err != nil {
		return m, err
	}
	unlock, err := s.lock(ctx, s.blobLock(sha), func() {
		s.opt.Progress(Event{Phase: PhaseWaiting, Path: blob})
	})
	if err != nil {
		return m, err
	}
	defer unlock()
	s.opt.Progress(Event{Phase: PhaseVerify, Path: blob})
	actual, size, err := hashFile(ctx, blob)
	if err != nil {
		return m, fmt.Errorf("hash %s: %w", blob, err)
	}
	if !sameSHA256(actual, sha) {
		mismatch, err := s.reject(blob, sha, actual)
		if err != nil {
			return m, err
		}
		return m, mismatch
	}
	if m.SizeBytes != size {
		return m, fmt.Errorf("manifest of %q says %d bytes, the content has %d: "+
			"remove and fetch it again", name, m.SizeBytes, size)
	}
	return m, nil
}
