package store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
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
		if list, _ := ft.Quarantined(); len(list) != 0 {
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

func TestFetchStall(t *testing.T) {
	srv := serve(t, someBytes(10_000))
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch n {
		case 0: // before the head
			<-r.Context().Done()
			return true
		case 1: // in the middle of the body
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(srv.content[:3000])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		}
		return false
	}
	f := fetcher(t, t.TempDir(), srv)
	f.opt.StallTimeout = 300 * time.Millisecond
	f.mustFetch(t, srv.content)
	// How much of the 3,000 bytes came through before the stall is the kernel's
	// affair; the next request goes on behind it.
	ranges := srv.requests()
	var from int
	if len(ranges) != 3 || ranges[0] != "" || ranges[1] != "" {
		t.Fatalf("ranges asked for: %q", ranges)
	}
	if _, err := fmt.Sscanf(ranges[2], "bytes=%d-", &from); err != nil || from < 1 || from > 3000 {
		t.Errorf("the last request was for %q, want to go on within the first 3,000", ranges[2])
	}
}
