package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// breakOff sends a part of the file and drops the connection.
func breakOff(w http.ResponseWriter, content []byte, from, to int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	if from > 0 {
		w.Header().Set("Content-Range",
			fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(content[from:to])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestFetchResumesBrokenConnections(t *testing.T) {
	srv := serve(t, someBytes(100_000))
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", `"v1"`)
		switch n {
		case 0:
			breakOff(w, srv.content, 0, 40_000)
		case 1:
			if r.Header.Get("If-Range") != `"v1"` {
				t.Errorf("If-Range = %q", r.Header.Get("If-Range"))
			}
			breakOff(w, srv.content, 40_000, 70_000)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	f := fetcher(t, t.TempDir(), srv)
	f.spec.SizeBytes = 100_000
	f.mustFetch(t, srv.content)
	want := []string{"", "bytes=40000-", "bytes=70000-", "bytes=70000-"}
	if d := cmp.Diff(want, srv.requests()); d != "" {
		t.Errorf("ranges (-want +got):\n%s", d)
	}
}

func TestFetchResumesAfterCancel(t *testing.T) {
	srv := serve(t, someBytes(50_000))
	root := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Content-Length", "50000")
		_, _ = w.Write(srv.content[:20_000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	}
	f := fetcher(t, root, srv)
	f.opt.Progress = func(e Event) {
		if e.Phase == PhaseDownload {
			cancel() // while the body is on its way
		}
	}
	if _, err := f.Fetch(ctx, f.spec); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	size := int64(0)
	if info, err := os.Stat(f.partial(f.spec.SHA256)); err == nil {
		size = info.Size()
	}
	again := fetcher(t, root, srv)
	again.mustFetch(t, srv.content)
	want := []string{"", ""}
	if size > 0 {
		want[1] = fmt.Sprintf("bytes=%d-", size)
	}
	if d := cmp.Diff(want, srv.requests()); d != "" {
		t.Errorf("ranges (-want +got):\n%s", d)
	}
}

// withPartial prepares what an earlier process left.
func withPartial(t *testing.T, f *fetching, data []byte, o string) {
	t.Helper()
	if err := os.MkdirAll(f.partialDir(f.spec.SHA256), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.partial(f.spec.SHA256), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if o == "" {
		return
	}
	if err := os.WriteFile(f.layout.origin(f.spec.SHA256), []byte(o), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFetchTakesUpPartial(t *testing.T) {
	content := someBytes(10_000)
	f := func(what string, partial []byte, origin, etag string, size int64, want ...string) {
		t.Helper()
		srv := serve(t, content)
		srv.etag = etag
		ft := fetcher(t, t.TempDir(), srv)
		ft.spec.SizeBytes = size
		withPartial(t, ft, partial, origin)
		ft.mustFetch(t, content)
		if d := cmp.Diff(want, srv.requests()); d != "" {
			t.Errorf("%s: ranges (-want +got):\n%s", what, d)
		}
		if list, _ := quarantined(ft.Store); len(list) != 0 {
			t.Errorf("%s: quarantined %v", what, list)
		}
	}
	const v1 = `{"etag": "\"v1\"", "total": 10000}`
	f("a good half", content[:5000], v1, `"v1"`, 0, "bytes=5000-")
	f("no validator known", content[:5000], "", `"v1"`, 0, "bytes=5000-")
	f("unreadable origin", content[:5000], "junk", `"v1"`, 0, "bytes=5000-")
	// If-Range does not match: the server sends everything, in one answer.
	f("the file changed there", someBytes(100), v1, `"v2"`, 0, "bytes=100-")
	// Nothing tells that the bytes are wrong but the hash: one fresh start.
	f("wrong bytes", []byte("garbage"), "", "", 0, "bytes=7-", "")
	f("wrong bytes of the right size", make([]byte, 10_000), "", "", 10_000, "")
	f("all there", content, v1, `"v1"`, 0)
	f("all there, size unknown", content, "", `"v1"`, 0, "bytes=10000-")
	f("more than there is", append(content[:len(content):len(content)], 1), v1, `"v1"`, 0, "")
	f("more than there is, size unknown", append(content[:len(content):len(content)], 1),
		"", `"v1"`, 0, "bytes=10001-", "")
}

// TestFetchStartsOverOnlyOnce: a server whose pieces never fit can't keep the
// daemon downloading for ever.
func TestFetchStartsOverOnlyOnce(t *testing.T) {
	srv := serve(t, someBytes(10_000))
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("ETag", `"v1"`)
		if n%2 == 0 {
			breakOff(w, srv.content, 0, 5000)
		}
		w.Header().Set("Content-Range", "bytes 5000-9999/10000")
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(make([]byte, 5000))
		return true
	}
	f := fetcher(t, t.TempDir(), srv)
	_, err := f.Fetch(context.Background(), f.spec)
	if _, ok := errors.AsType[*MismatchError](err); !ok || len(srv.requests()) != 4 {
		t.Errorf("%v after requests %q; want a mismatch after 2 times 2", err, srv.requests())
	}
}

func TestFetchServerIgnoresRange(t *testing.T) {
	srv := serve(t, someBytes(10_000))
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			breakOff(w, srv.content, 0, 4000)
		}
		_, _ = w.Write(srv.content)
		return true
	}
	f := fetcher(t, t.TempDir(), srv)
	f.mustFetch(t, srv.content)
	if d := cmp.Diff([]string{"", "bytes=4000-"}, srv.requests()); d != "" {
		t.Error(d)
	}
}

func TestFetchWrongPieces(t *testing.T) {
	// A 206 for another place, another total or another version is no use.
	for _, header := range []map[string]string{
		{"Content-Range": "bytes 0-9999/10000"},
		{"Content-Range": "bytes 4000-9998/9999"},
		{"Content-Range": "nonsense"},
		{"Content-Range": "bytes 4000-9999/10000", "ETag": `"v2"`},
		{},
	} {
		srv := serve(t, someBytes(10_000))
		srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("ETag", `"v1"`)
			switch n {
			case 0:
				breakOff(w, srv.content, 0, 4000)
			case 1:
				for k, v := range header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(make([]byte, 6000))
				return true
			}
			return false
		}
		f := fetcher(t, t.TempDir(), srv)
		f.mustFetch(t, srv.content)
		if d := cmp.Diff([]string{"", "bytes=4000-", ""}, srv.requests()); d != "" {
			t.Errorf("%v: ranges (-want +got):\n%s", header, d)
		}
	}
}

// stalling is a network on which the first answer crosses with the client's
// hanging up, and the second stops after 3,000 bytes.
type stalling struct {
	content []byte
	ranges  []string // the Range header of every request
}

// RoundTrip implements http.RoundTripper.
func (s *stalling) RoundTrip(r *http.Request) (*http.Response, error) {
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	answer := httptest.NewRecorder()
	answer.Header().Set("ETag", `"v1"`)
	silence := silence{r.Context()}
	switch len(s.ranges) {
	case 1:
		_, _ = silence.Read(nil)
		answer.WriteHeader(http.StatusNotFound)
		return answer.Result(), nil
	case 2:
		answer.Header().Set("Content-Length", strconv.Itoa(len(s.content)))
		result := answer.Result()
		result.Body = io.NopCloser(io.MultiReader(bytes.NewReader(s.content[:3000]), silence))
		return result, nil
	}
	http.ServeContent(answer, r, "", time.Time{}, bytes.NewReader(s.content))
	return answer.Result(), nil
}

// silence is a server that sends nothing until the client hangs up.
type silence struct{ context.Context }

func (s silence) Read([]byte) (int, error) {
	<-s.Done()
	return 0, s.Err()
}

func TestFetchStall(t *testing.T) {
	dir, srv := t.TempDir(), serve(t, someBytes(10_000))
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(t, dir, srv)
		net := &stalling{content: srv.content}
		f.opt.HTTPClient = &http.Client{Transport: net}
		begin := time.Now()
		f.mustFetch(t, srv.content)
		if d := cmp.Diff([]string{"", "", "bytes=3000-"}, net.ranges); d != "" {
			t.Errorf("ranges (-want +got):\n%s", d)
		}
		if took := time.Since(begin); took < 2*f.opt.StallTimeout || took > 3*f.opt.StallTimeout {
			t.Errorf("took %v, want two stalls of %v", took, f.opt.StallTimeout)
		}
	})
}
