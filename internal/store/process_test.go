package store

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFetchConcurrent(t *testing.T) {
	srv := serve(t, someBytes(30_000))
	root := t.TempDir()
	release := make(chan struct{})
	arrived := make(chan struct{})
	srv.answer = func(int, http.ResponseWriter, *http.Request) bool {
		close(arrived) // a second request would panic
		<-release
		return false
	}
	first := fetcher(t, root, srv)
	second := fetcher(t, root, srv)
	third := fetcher(t, root, srv) // another name for the same content
	third.spec.Name = "alias"
	var waiting sync.WaitGroup
	for _, f := range []*fetching{second, third} {
		waiting.Add(1)
		f.opt.Progress = func(e Event) {
			switch {
			case e.Phase == PhaseWaiting:
				waiting.Done()
			case e.Phase == PhaseVerify && f == second:
				t.Error("the result of the first was hashed again")
			}
		}
	}
	var done sync.WaitGroup
	run := func(f *fetching) {
		done.Go(func() {
			if _, err := f.Fetch(context.Background(), f.spec); err != nil {
				t.Error(err)
			}
		})
	}
	run(first)
	<-arrived
	run(second)
	run(third)
	waiting.Wait()

	// Who does not want to wait leaves.
	ctx, cancel := context.WithCancel(context.Background())
	impatient := fetcher(t, root, srv)
	impatient.opt.Progress = func(e Event) {
		if e.Phase == PhaseWaiting {
			cancel()
		}
	}
	if _, err := impatient.Fetch(ctx, impatient.spec); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled wait: %v", err)
	}
	close(release)
	done.Wait()
	if n := len(srv.requests()); n != 1 {
		t.Errorf("%d requests for one file", n)
	}
	if list, err := first.List(); err != nil || len(list) != 2 {
		t.Errorf("List = %v, %v", list, err)
	}
}

const childEnv = "STORE_TEST_CHILD"

// childMain fetches as told by the environment; the parent kills it.
func childMain() {
	pemText, err := os.ReadFile(os.Getenv("CERT"))
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pemText)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = pool
	s, err := Open(os.Getenv("ROOT"), Options{
		AutoPull: true, HTTPClient: &http.Client{Transport: transport},
	})
	if err != nil {
		panic(err)
	}
	_, err = s.Fetch(context.Background(), Spec{
		Name: "m", SHA256: os.Getenv("SHA"), SourceURL: os.Getenv("URL"),
	})
	fmt.Println(err)
}

// TestFetchAfterKill is row 11 of the reliability promises for the store: a
// process that is killed in the middle damages nothing, and the next goes on.
func TestFetchAfterKill(t *testing.T) {
	srv := serve(t, someBytes(1<<20))
	root := t.TempDir()
	half := make(chan struct{})
	srv.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Content-Length", strconv.Itoa(len(srv.content)))
		_, _ = w.Write(srv.content[:1<<19])
		_ = http.NewResponseController(w).Flush()
		close(half)
		<-r.Context().Done()
		return true
	}
	cert := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{
		Type: "CERTIFICATE", Bytes: srv.Certificate().Raw,
	}), 0o600); err != nil {
		t.Fatal(err)
	}
	f := fetcher(t, root, srv)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1", "CERT="+cert, "ROOT="+root,
		"SHA="+f.spec.SHA256, "URL="+f.spec.SourceURL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-half
	awaitSize(t, f.partial(f.spec.SHA256))
	if _, err := f.tryLock(f.nameLock("m")); !errors.Is(err, ErrBusy) {
		t.Errorf("lock while the child downloads: %v, want ErrBusy", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if exists(f.blob(f.spec.SHA256)) || exists(f.manifest("m")) {
		t.Error("half a file was installed")
	}
	info, err := os.Stat(f.partial(f.spec.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	f.mustFetch(t, srv.content)
	want := []string{"", fmt.Sprintf("bytes=%d-", info.Size())}
	if d := cmp.Diff(want, srv.requests()); d != "" {
		t.Errorf("ranges (-want +got):\n%s", d)
	}
}

// awaitSize waits until another process has written something.
func awaitSize(t *testing.T, path string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return
		}
	}
	t.Fatalf("nothing was written to %s", path)
}
