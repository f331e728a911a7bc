package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server serves one file over TLS and lets a test break each answer.
type server struct {
	*httptest.Server
	content []byte

	mu     sync.Mutex
	ranges []string // the Range header of every request
	// answer, if not nil, may answer request n (from 0) itself and return true.
	answer func(n int, w http.ResponseWriter, r *http.Request) bool
	etag   string
}

func serve(t *testing.T, content []byte) *server {
	t.Helper()
	s := &server{content: content, etag: `"v1"`}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are the point
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.ranges)
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	answer, etag := s.answer, s.etag
	s.mu.Unlock()
	if answer != nil && answer(n, w, r) {
		return
	}
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(s.content)))
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.ranges...)
}

func someBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// fetching is a store that downloads from srv, impatient, and what it reported.
type fetching struct {
	*Store
	spec   Spec
	mu     sync.Mutex
	events []Event
}

func fetcher(t *testing.T, root string, srv *server) *fetching {
	t.Helper()
	f := &fetching{spec: Spec{
		Name: "m", SHA256: shaOf(srv.content), SourceURL: srv.URL + "/a/m.gguf?sig=secret",
	}}
	f.Store = open(t, root, Options{
		AutoPull: true, HTTPClient: srv.Client(), StallTimeout: 10 * time.Second,
		RetryDelay: time.Millisecond, Progress: func(e Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
		},
	})
	return f
}

func (f *fetching) phases() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []string
	for _, e := range f.events {
		text := string(e.Phase)
		if e.Phase == PhaseDownload {
			text += fmt.Sprintf(" %d/%d", e.DownloadedBytes, e.TotalBytes)
		}
		list = append(list, text)
	}
	return list
}

// mustFetch fetches and checks that all is in place.
func (f *fetching) mustFetch(t *testing.T, want []byte) {
	t.Helper()
	path, err := f.Fetch(context.Background(), f.spec)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(want) {
		t.Fatalf("content: %d bytes, %v; want the %d served", len(got), err, len(want))
	}
	m, err := f.readManifest(f.spec.Name)
	if err != nil || m == nil || m.SHA256() != f.spec.SHA256 || m.SizeBytes != int64(len(want)) {
		t.Errorf("manifest = %+v, %v", m, err)
	}
	if exists(f.partialDir(f.spec.SHA256)) {
		t.Error("the partial download was left behind")
	}
}

func TestFetchFresh(t *testing.T) {
	srv := serve(t, someBytes(3<<20))
	f := fetcher(t, t.TempDir(), srv)
	f.spec.License = "mit"
	f.mustFetch(t, srv.content)
	want := []string{
		"checking_local", "download 0/3145728", "download 3145728/3145728", "verify",
	}
	if d := cmp.Diff(want, f.phases()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	for _, e := range f.events {
		if strings.Contains(e.SourceURL, "secret") {
			t.Errorf("an event carries the URL's signature: %s", e.SourceURL)
		}
	}
	m, _ := f.readManifest("m")
	if m.Source.Filename != "m.gguf" || m.Source.Repo != "a" || *m.License != "mit" {
		t.Errorf("manifest = %+v", m)
	}
	// Again: nothing is asked of the server.
	f.mustFetch(t, srv.content)
	if got := len(srv.requests()); got != 1 {
		t.Errorf("%d requests, want 1", got)
	}
}

// network is a transport without sockets, for tests on a clock of their own.
type network func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func TestFetchProgressSteps(t *testing.T) {
	dir, srv := t.TempDir(), serve(t, make([]byte, 2*progressBytes+1000))
	synctest.Test(t, func(t *testing.T) { // however slow the machine: no step for the time
		f := fetcher(t, dir, srv)
		f.opt.HTTPClient = &http.Client{Transport: network(
			func(*http.Request) (*http.Response, error) {
				return &http.Response{
					StatusCode: http.StatusOK, ContentLength: int64(len(srv.content)),
					Body: io.NopCloser(bytes.NewReader(srv.content)),
				}, nil
			},
		)}
		f.mustFetch(t, srv.content)
		var downloads []int64
		for _, e := range f.events {
			if e.Phase == PhaseDownload {
				downloads = append(downloads, e.DownloadedBytes)
			}
		}
		if n := len(downloads); n < 4 || downloads[0] != 0 || downloads[n-1] != int64(len(srv.content)) {
			t.Fatalf("download events at %v; want 0, two steps and the end", downloads)
		}
		if downloads[1] < progressBytes || downloads[1] > progressBytes+copyBufferBytes {
			t.Errorf("first step at %d, want at %d", downloads[1], progressBytes)
		}
	})
}

func TestFetchLocal(t *testing.T) {
	ctx := context.Background()
	spec := Spec{Name: "m", SHA256: helloSHA}
	f := func(what string, auto bool, prepare func(s *Store), change func(*Spec), want string) {
		t.Helper()
		s := open(t, t.TempDir(), Options{AutoPull: auto})
		if prepare != nil {
			prepare(s)
		}
		sp := spec
		if change != nil {
			change(&sp)
		}
		path, err := s.Fetch(ctx, sp)
		if want != "" {
			wantError(t, what, err, want)
			if exists(s.manifest("m")) {
				t.Errorf("%s: a manifest was written", what)
			}
			return
		}
		if err != nil || path != s.blob(helloSHA) || !exists(s.manifest("m")) {
			t.Errorf("%s: %q, %v", what, path, err)
		}
	}
	f("content without manifest", false, func(s *Store) { put(t, s, helloSHA, []byte(hello)) },
		nil, "")
	f("missing, no pulling", false, nil, func(s *Spec) { s.SourceURL = "https://h/x" },
		`model "m" is missing and auto_pull is off: run 'inferdctl pull'`)
	f("missing, no URL", true, nil, nil, `model "m" has no source_url and no manifest exists`)
	f("plain http", true, nil, func(s *Spec) { s.SourceURL = "http://u:pw@h/x?sig=s" },
		"model URL must be https:// (got http://h/x?...)")
	f("bad name", true, nil, func(s *Spec) { s.Name = "../m" }, "bad model name")
	f("bad hash", true, nil, func(s *Spec) { s.SHA256 = "abc" }, "want 64 lower-case hex digits")
	f("wrong content", false, func(s *Store) { put(t, s, helloSHA, []byte("hello_world")) },
		nil, "auto_pull is off")
}

func TestFetchQuarantinesWrongLocalContent(t *testing.T) {
	srv := serve(t, []byte(hello))
	f := fetcher(t, t.TempDir(), srv)
	put(t, f.Store, helloSHA, []byte("tampered"))
	f.mustFetch(t, srv.content)
	if list, err := quarantined(f.Store); err != nil || len(list) != 1 || list[0].Bytes != 8 {
		t.Errorf("quarantine = %v, %v", list, err)
	}
	want := []string{
		"checking_local", "verify", "quarantine", "download 0/11", "download 11/11", "verify",
	}
	if d := cmp.Diff(want, f.phases()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

func TestFetchReplacesDamagedInstall(t *testing.T) {
	srv := serve(t, []byte(hello))
	f := fetcher(t, t.TempDir(), srv)
	f.mustFetch(t, srv.content)
	// Cut content is noticed without hashing.
	damage(t, f.blob(helloSHA), "hel")
	f.mustFetch(t, srv.content)
	// So is a broken manifest, and one about other content.
	for _, text := range []string{"junk", `{"schema_version":1,"name":"m","blob":"sha256:` +
		strings.Repeat("0", 64) + `"}`} {
		if err := os.WriteFile(f.manifest("m"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		f.mustFetch(t, srv.content)
	}
}

func TestFetchMismatch(t *testing.T) {
	srv := serve(t, []byte("not what was promised"))
	f := fetcher(t, t.TempDir(), srv)
	f.spec.SHA256 = helloSHA
	_, err := f.Fetch(context.Background(), f.spec)
	mismatch, ok := errors.AsType[*MismatchError](err)
	if !ok || mismatch.Expected != helloSHA || mismatch.Actual != shaOf(srv.content) {
		t.Fatalf("error = %v", err)
	}
	wantError(t, "mismatch", err, "SHA-256 mismatch (expected "+helloSHA+", got "+
		shaOf(srv.content)+"); quarantined to "+f.quarantineDir())
	if text, _ := os.ReadFile(mismatch.Quarantine); string(text) != string(srv.content) {
		t.Errorf("quarantined %q", text)
	}
	if exists(f.blob(helloSHA)) || exists(f.manifest("m")) || exists(f.partialDir(helloSHA)) {
		t.Error("something but the quarantined file was left behind")
	}
	if got := len(srv.requests()); got != 1 {
		t.Errorf("%d requests: a wrong file is not asked for again", got)
	}
	if p := f.phases(); p[len(p)-1] != "quarantine" {
		t.Errorf("events = %v", p)
	}
}
