package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"inferd/internal/store/modelname"
)

// Fetch makes sure that a model is in the store and gives its content's path.
//
// What is already there is not hashed again. What is missing is downloaded, if
// Options.AutoPull allows it; an earlier partial download goes on where it
// stopped. If another process is fetching the same model, Fetch waits for its
// result. Content of the wrong hash goes to quarantine: *[MismatchError].
func (s *Store) Fetch(ctx context.Context, spec Spec) (string, error) {
	if err := spec.check(); err != nil {
		return "", err
	}
	blob := s.blob(spec.SHA256)
	s.opt.Progress(Event{Phase: PhaseCheckingLocal, Path: blob})
	if s.installed(spec) {
		s.opt.Log.Info("manifest + blob already present; skipping fetch", "model", spec.Name)
		return blob, nil
	}
	if err := s.create(); err != nil {
		return "", err
	}
	unlock, err := s.lockBoth(ctx, spec.Name, spec.SHA256)
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.installed(spec) { // by the one we waited for
		return blob, nil
	}
	if err := s.fetchLocked(ctx, spec); err != nil {
		return "", err
	}
	return blob, nil
}

// fetchLocked brings content and manifest in place.
func (s *Store) fetchLocked(ctx context.Context, spec Spec) error {
	present, err := s.adopt(ctx, spec.SHA256)
	if err != nil {
		return err
	}
	if !present {
		if err := s.mayDownload(spec); err != nil {
			return err
		}
		if err := s.download(ctx, spec); err != nil {
			return err
		}
	}
	return s.install(spec, sourceOf(spec.SourceURL))
}

func (spec *Spec) check() error {
	if err := modelname.Check(spec.Name); err != nil {
		return err
	}
	if !isSHA256(spec.SHA256) {
		return fmt.Errorf("model %q: sha256: want 64 lower-case hex digits", spec.Name)
	}
	return nil
}

// installed tells whether manifest and content are there and agree. A manifest
// that is broken or about other content will be replaced.
func (s *Store) installed(spec Spec) bool {
	m, err := s.readManifest(spec.Name)
	switch {
	case err != nil:
		s.opt.Log.Warn("manifest can't be read and will be replaced",
			"model", spec.Name, "error", err)
		return false
	case m == nil:
		return false
	case m.SHA256() != spec.SHA256:
		s.opt.Log.Warn("manifest has another sha256 than the configuration",
			"model", spec.Name, "manifest", m.SHA256(), "configured", spec.SHA256)
		return false
	}
	if err := blobProblem(s.blob(spec.SHA256), m.SizeBytes); err != nil {
		s.opt.Log.Warn("model is damaged", "model", spec.Name, "error", err)
		return false
	}
	return true
}

// lockBoth takes the lock of the name and then that of the content, waiting for
// other processes.
func (s *Store) lockBoth(ctx context.Context, name, sha string) (func(), error) {
	waiting := sync.OnceFunc(func() {
		s.opt.Log.Info("another process is changing the model; waiting", "model", name)
		s.opt.Progress(Event{Phase: PhaseWaiting, Path: s.blob(sha)})
	})
	unlockName, err := s.lock(ctx, s.nameLock(name), waiting)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", name, err)
	}
	unlockBlob, err := s.lock(ctx, s.blobLock(sha), waiting)
	if err != nil {
		unlockName()
		return nil, fmt.Errorf("model %q: %w", name, err)
	}
	return func() { unlockBlob(); unlockName() }, nil
}

// adopt looks for content that lies there without a manifest, or with a damaged
// one, and hashes it. Wrong content is put into quarantine.
func (s *Store) adopt(ctx context.Context, sha string) (present bool, err error) {
	blob := s.blob(sha)
	if _, err := os.Stat(blob); errors.Is(err, fs.ErrNotExist) {
		return false, nil // or a link that leads nowhere, which the download replaces
	}
	s.opt.Progress(Event{Phase: PhaseVerify, Path: blob})
	actual, _, err := hashFile(ctx, blob)
	if err != nil {
		return false, fmt.Errorf("hash %s: %w", blob, err)
	}
	if sameSHA256(actual, sha) {
		return true, nil
	}
	s.opt.Log.Warn("blob at CAS path failed re-hash; quarantining", "path", blob)
	_, err = s.reject(blob, sha, actual)
	return false, err
}

// reject puts wrong bytes into quarantine and says so.
func (s *Store) reject(path, expected, actual string) (*MismatchError, error) {
	target, err := s.quarantine(path, "sha-mismatch")
	if err != nil {
		return nil, err
	}
	s.opt.Progress(Event{
		Phase: PhaseQuarantine, Path: path,
		ExpectedSHA256: expected, ActualSHA256: actual, QuarantinePath: target,
	})
	return &MismatchError{Expected: expected, Actual: actual, Quarantine: target}, nil
}

// mayDownload is asked when content is missing.
func (s *Store) mayDownload(spec Spec) error {
	if !s.opt.AutoPull {
		return fmt.Errorf("model %q is missing and %w: run 'inferdctl pull'",
			spec.Name, ErrPullNeeded)
	}
	if spec.SourceURL == "" {
		return fmt.Errorf("model %q has no source_url and no manifest exists", spec.Name)
	}
	u, err := url.Parse(spec.SourceURL)
	if err != nil {
		return fmt.Errorf("model %q: source_url can't be read", spec.Name)
	}
	if u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("model URL must be https:// (got %s)", safeURL(spec.SourceURL))
	}
	return nil
}

// commit moves checked bytes to their final place, durably.
func (s *Store) commit(partial, sha string) error {
	dir := s.blobDir(sha)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	if err := os.Chmod(partial, blobMode); err != nil {
		return err
	}
	if err := os.Rename(partial, s.blob(sha)); err != nil {
		return err
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)),
		os.RemoveAll(filepath.Dir(partial)))
}

// install writes the manifest, last of all: it never points at what is not
// there.
func (s *Store) install(spec Spec, source Source) error {
	info, err := os.Stat(s.blob(spec.SHA256))
	if err != nil {
		return err
	}
	m := &Manifest{
		SchemaVersion: schemaVersion, Name: spec.Name, Format: "gguf",
		Blob: blobPrefix + spec.SHA256, SizeBytes: info.Size(), Source: source,
		ProducedBy: s.opt.Producer, ProducedAt: timestamp(s.now()),
	}
	if spec.License != "" {
		m.License = &spec.License
	}
	if err := s.writeManifest(m); err != nil {
		return err
	}
	s.opt.Log.Info("model installed", "model", spec.Name, "bytes", m.SizeBytes)
	return nil
}
