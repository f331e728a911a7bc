package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"inferd/internal/store/modelname"
)

// Options of a [Store]; the zero value downloads nothing.
type Options struct {
	// AutoPull allows downloads. Without it a missing model is an error.
	AutoPull bool
	// Producer goes into manifests, e.g. "inferd/1.2.3".
	Producer string
	// Progress hears of every step, on the goroutine that called Fetch, Import
	// or Verify. It must not block.
	Progress func(Event)
	Log      *slog.Logger
	// HTTPClient is for downloads; nil makes one that knows the proxy variables
	// and the system's certificates. Redirects are limited to https either way.
	HTTPClient *http.Client

	ConnectTimeout time.Duration // 0 is 30 s; only for the client made here
	StallTimeout   time.Duration // without a byte; 0 is 60 s
	RetryDelay     time.Duration // before the first retry, then doubling; 0 is 500 ms
}

// Store is a model store. It holds no state but its options: several may be
// open on one root, in one process or in many.
type Store struct {
	layout
	opt Options

	// Seams for fault injection; never nil.
	now       func() time.Time
	freeBytes func(dir string) (uint64, error)
	openFile  func(path string) (partialFile, error)
}

// Spec is a model that is wanted.
type Spec struct {
	Name      string
	SHA256    string // 64 lower-case hex digits
	SizeBytes int64  // 0 is unknown
	SourceURL string // https; empty if the model can only be imported
	License   string
}

// Phase is a step of fetching.
type Phase string

// The phases. Clients must tolerate others.
const (
	PhaseCheckingLocal Phase = "checking_local"
	PhaseWaiting       Phase = "waiting" // another process has the lock
	PhaseDownload      Phase = "download"
	PhaseVerify        Phase = "verify"
	PhaseQuarantine    Phase = "quarantine"
)

// Event reports progress. Which fields are set depends on the phase.
type Event struct {
	Phase Phase
	Path  string // all but download

	DownloadedBytes int64 // download
	TotalBytes      int64 // download; -1 is unknown
	SourceURL       string

	ExpectedSHA256, ActualSHA256, QuarantinePath string // quarantine
}

// Open gives the store at root, which need not exist yet.
func Open(root string, o Options) (*Store, error) {
	if root == "" {
		return nil, errors.New("no place for the model store: set models_home or HOME")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.Producer == "" {
		o.Producer = "inferd"
	}
	setDefault := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	setDefault(&o.ConnectTimeout, defaultConnectTimeout)
	setDefault(&o.StallTimeout, defaultStallTimeout)
	setDefault(&o.RetryDelay, defaultRetryDelay)
	return &Store{
		layout: layout{root}, opt: o,
		now: time.Now, freeBytes: freeBytes, openFile: openPartial,
	}, nil
}

// Root is the directory of the store.
func (s *Store) Root() string { return s.root }

// Entry is one name in the store.
type Entry struct {
	Name     string
	Manifest *Manifest // nil if it can't be read
	BlobPath string    // empty if Manifest is nil
	Problem  error     // unreadable manifest, missing or cut content; nil if all is well
}

// List gives all models by name. Contents are not hashed; see [Store.Verify].
func (s *Store) List() ([]Entry, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(names))
	for _, name := range names {
		e := Entry{Name: name}
		e.Manifest, e.Problem = s.readManifest(name)
		if e.Manifest == nil && e.Problem == nil {
			continue // removed meanwhile
		}
		if e.Manifest != nil {
			e.BlobPath = s.blob(e.Manifest.SHA256())
			e.Problem = blobProblem(e.BlobPath, e.Manifest.SizeBytes)
		}
		list = append(list, e)
	}
	return list, nil
}

// names lists the manifests' names that keep to the rule, sorted.
func (s *Store) names() ([]string, error) {
	entries, err := os.ReadDir(s.manifestsDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("model store: %w", err)
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), manifestExt)
		if !ok || modelname.Check(name) != nil {
			continue
		}
		if names = append(names, name); len(names) > maxModels {
			return nil, fmt.Errorf("model store has more than %d manifests", maxModels)
		}
	}
	slices.Sort(names)
	return names, nil
}

// blobProblem is the cheap look at content: is it there, and as long as it
// should be. size 0 is unknown.
func blobProblem(path string, size int64) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("content is missing: %s", path)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("content is not a regular file: %s", path)
	case size > 0 && info.Size() != size:
		return fmt.Errorf("content has %d bytes instead of %d: %s", info.Size(), size, path)
	}
	return nil
}
