package store

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFetchGivesUp(t *testing.T) {
	f := func(want string, requests int,
		answer func(n int, w http.ResponseWriter, r *http.Request) bool, change ...func(*fetching),
	) {
		t.Helper()
		srv := serve(t, []byte(hello))
		srv.answer = answer
		ft := fetcher(t, t.TempDir(), srv)
		for _, c := range change {
			c(ft)
		}
		_, err := ft.Fetch(context.Background(), ft.spec)
		wantError(t, want, err, want)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error carries the URL's signature: %v", err)
		}
		if got := len(srv.requests()); got != requests {
			t.Errorf("%s: %d requests, want %d", want, got, requests)
		}
		if exists(ft.manifest("m")) || exists(ft.blob(ft.spec.SHA256)) {
			t.Errorf("%s: something was installed", want)
		}
	}
	status := func(code int) func(int, http.ResponseWriter, *http.Request) bool {
		return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			return true
		}
	}
	f("http status 404", 1, status(404))
	f("http status 403", 1, status(403))
	f("http status 416", 1, status(416))
	f("http status 206", 1, status(206))
	f("http status 500 (gave up after 6 tries)", maxFruitless, status(500))
	f("http status 429 (gave up", maxFruitless, status(429))
	f("http transport: stalled", 0, nil, func(ft *fetching) {
		ft.opt.HTTPClient = &http.Client{Transport: failing{errors.New("stalled")}}
	})
	f("unexpected EOF", maxFruitless, func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		breakOff(w, []byte(hello), 0, 0) // promises bytes, sends none
		return true
	})
	f("server offers 11 bytes, the configuration says size_bytes 12", 1, nil,
		func(ft *fetching) { ft.spec.SizeBytes = 12 })
	f("refused redirect to http://h/x?...: only https is followed", 1,
		func(_ int, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://u:p@h/x?sig=secret", http.StatusFound)
			return true
		})
	f("refused redirect: its address can't be read", 1,
		func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", "https://h/%zz?sig=secret")
			w.WriteHeader(http.StatusFound)
			return true
		})
	f("refused redirect: more than 10 of them", maxRedirects,
		func(_ int, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		})
	f("server sends more than the 5 bytes", 1,
		func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_ = http.NewResponseController(w).Flush() // chunked: no length to compare
			_, _ = io.WriteString(w, hello)
			return true
		}, func(ft *fetching) { ft.spec.SizeBytes = 5 })
	f("not enough disk space", 1, nil, func(ft *fetching) {
		ft.freeBytes = func(string) (uint64, error) { return reserveBytes + 10, nil }
	})
	f("certificate", 0, nil, func(ft *fetching) { ft.opt.HTTPClient = nil })
}

// failing is a network that is down.
type failing struct{ err error }

// RoundTrip implements http.RoundTripper.
func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestFetchRedirectWithinHTTPS(t *testing.T) {
	srv := serve(t, []byte(hello))
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if came := r.Header.Get("Referer"); came != "" {
			t.Errorf("request %d tells the URL before: %s", n, came)
		}
		if n == 0 {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
		return n == 0
	}
	fetcher(t, t.TempDir(), srv).mustFetch(t, srv.content)
}

// TestFetchLengthLies: too short a length cuts the file, and the hash finds it.
func TestFetchLengthLies(t *testing.T) {
	srv := serve(t, []byte(hello))
	srv.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, hello[:5])
		return true
	}
	f := fetcher(t, t.TempDir(), srv)
	_, err := f.Fetch(context.Background(), f.spec)
	wantError(t, "short length", err, "SHA-256 mismatch")
}

func TestFetchWithoutLength(t *testing.T) {
	srv := serve(t, []byte(hello))
	srv.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, hello)
		return true
	}
	f := fetcher(t, t.TempDir(), srv)
	f.mustFetch(t, srv.content)
	want := []string{"checking_local", "download 0/-1", "download 11/11", "verify"}
	if d := cmp.Diff(want, f.phases()); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

func TestFetchDiskFull(t *testing.T) {
	srv := serve(t, someBytes(200_000))
	root := t.TempDir()
	f := fetcher(t, root, srv)
	f.openFile = func(path string) (partialFile, error) {
		file, err := openPartial(path)
		return &fullDisk{file, 50_000, syscall.ENOSPC}, err
	}
	_, err := f.Fetch(context.Background(), f.spec)
	if !errors.Is(err, ErrNoSpace) || len(srv.requests()) != 1 {
		t.Fatalf("error = %v after %d requests; want ErrNoSpace at once", err, len(srv.requests()))
	}
	if exists(f.manifest("m")) || exists(f.blob(f.spec.SHA256)) {
		t.Error("something was installed")
	}
	// With room again the download goes on, the half-written piece included.
	fetcher(t, root, srv).mustFetch(t, srv.content)
	if got := srv.requests()[1]; got != "bytes=50000-" {
		t.Errorf("second request has range %q", got)
	}
}

// TestFetchDiskKeepsBytes: bytes that should be forgotten and stay on disk are not
// part of the model, whatever the hash of those that came says.
func TestFetchDiskKeepsBytes(t *testing.T) {
	content := someBytes(1000)
	f := func(what string, left []byte, disk stubborn, requests int, want string,
		answer func(n int, w http.ResponseWriter, r *http.Request) bool,
	) {
		t.Helper()
		srv, root := serve(t, content), t.TempDir()
		srv.answer = answer
		ft := fetcher(t, root, srv)
		withPartial(t, ft, left, "")
		ft.openFile = func(path string) (partialFile, error) {
			file, err := openPartial(path)
			disk.partialFile = file
			return &disk, err
		}
		_, err := ft.Fetch(context.Background(), ft.spec)
		wantError(t, what, err, want)
		if got := len(srv.requests()); got != requests {
			t.Errorf("%s: %d requests, want %d", what, got, requests)
		}
		if exists(ft.manifest("m")) || exists(ft.blob(ft.spec.SHA256)) {
			t.Errorf("%s: something was installed", what)
		}
		srv.answer = nil
		fetcher(t, root, srv).mustFetch(t, content)
	}
	const full = "io: not enough disk space"
	half, more := make([]byte, 500), make([]byte, 1001)
	once := stubborn{errs: []error{syscall.ENOSPC}}
	f("a piece that does not fit", half, once, 1, full,
		func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n == 0 {
				w.Header().Set("Content-Range", "bytes 0-999/1000")
				w.WriteHeader(http.StatusPartialContent)
			}
			return n == 0
		})
	f("a file that became shorter", more, once, 1, full, nil)
	f("the whole file again", half, once, 1, full,
		func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(content)
			return true
		})
	f("a disk that lies", more, stubborn{errs: []error{nil}}, 2,
		"the file has 1001 bytes where 1000 were written", nil)
}

func TestParseContentRange(t *testing.T) {
	f := func(text string, start, total int64, ok bool) {
		t.Helper()
		s, n, good := parseContentRange(text)
		if good != ok || ok && (s != start || n != total) {
			t.Errorf("%q = %d, %d, %v; want %d, %d, %v", text, s, n, good, start, total, ok)
		}
	}
	f("bytes 0-9/10", 0, 10, true)
	f("bytes 5-9/*", 5, -1, true)
	f("bytes */10", 0, 0, false)
	f("bytes 9-5/10", 0, 0, false)
	f("bytes 0-10/10", 0, 0, false)
	f("bytes -5/10", 0, 0, false)
	f("items 0-9/10", 0, 0, false)
	f("", 0, 0, false)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 21, 10, 0, 0, 0, time.UTC)
	f := func(text string, want time.Duration) {
		t.Helper()
		h := http.Header{"Retry-After": {text}}
		if got := retryAfter(h, now); got != want {
			t.Errorf("%q = %v, want %v", text, got, want)
		}
	}
	f("", 0)
	f("7", 7*time.Second)
	f("-7", 0)
	f("99999", maxRetryAfter)
	f("soon", 0)
	f(now.Add(time.Minute).Format(http.TimeFormat), time.Minute)
	f(now.Add(-time.Minute).Format(http.TimeFormat), 0)
	f(now.Add(time.Hour).Format(http.TimeFormat), maxRetryAfter)
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-1/2", "bytes 5-9/*", "bytes */5", "bytes 9-1/5", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		start, total, ok := parseContentRange(text)
		if ok && (start < 0 || total != -1 && total <= start) {
			t.Errorf("%q = %d, %d", text, start, total)
		}
	})
}

// fullDisk has room for a number of bytes and then fails every write.
type fullDisk struct {
	partialFile
	room int
	err  error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= d.room {
		d.room -= len(p)
		return d.partialFile.Write(p)
	}
	n, err := d.partialFile.Write(p[:d.room])
	d.room = 0
	return n, errors.Join(err, d.err)
}

// stubborn is a disk that does not truncate as often as it has errors to say so.
type stubborn struct {
	partialFile
	errs []error
}

func (d *stubborn) Truncate(size int64) error {
	if len(d.errs) == 0 {
		return d.partialFile.Truncate(size)
	}
	err := d.errs[0]
	d.errs = d.errs[1:]
	return err
}
