package metrics

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func full() *Set {
	s := New(Options{
		Enabled: true, Version: "1.2", Commit: `a"b\c` + "\n", GoVersion: "go1.26",
		QueueDepth: func() float64 { return 3 }, LogDropped: func() uint64 { return 4 },
	})
	s.Breaker("local", func() float64 { return 2 })
	s.ClosedCounters([]string{"eof"})
	return s
}

func scrape(t *testing.T, s *Set) string {
	t.Helper()
	var b strings.Builder
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var sample = regexp.MustCompile(
	`^([a-z_]+?)(_bucket|_sum|_count)?(\{` + label + `(,` + label + `)*\})? [0-9.e+-]+\n$`,
)

const label = `[a-z_]+="(?:[^"\\\n]|\\["\\n])*"`

// TestCatalogIsWhatIsServed: no family is missing from the catalog or never
// served, each has help and type before its samples, and labels agree.
func TestCatalogIsWhatIsServed(t *testing.T) {
	served := map[string]bool{}
	announced := ""
	for line := range strings.Lines(scrape(t, full())) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			announced, _, _ = strings.Cut(rest, " ")
			if served[announced] {
				t.Errorf("%s is announced twice", announced)
			}
			served[announced] = true
		}
		if !strings.HasPrefix(line, "inferd_") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || m[1] != announced {
			t.Errorf("sample %q is malformed or not of %s", line, announced)
			continue
		}
		i := slices.IndexFunc(catalog, func(c Metric) bool { return c.Name == m[1] })
		if i < 0 {
			t.Errorf("%s is not in the catalog", m[1])
			continue
		}
		var labels []string
		for _, l := range regexp.MustCompile(`[{,]([a-z_]+)="`).FindAllStringSubmatch(m[3], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		if !cmp.Equal(labels, catalog[i].Labels) {
			t.Errorf("%s: labels %v, catalog has %v", m[1], labels, catalog[i].Labels)
		}
	}
	for _, m := range catalog {
		if !served[m.Name] {
			t.Errorf("%s is in the catalog but not served", m.Name)
		}
	}
}

func TestCounting(t *testing.T) {
	s := full()
	s.Request(V1, Done)
	s.Request(V2, Broken)
	s.Request(V1, Rejected)
	s.Reject(QueueFull)
	s.Reject(QueueFull)
	s.Tokens(Completion, 7)
	s.Connection(TCP)
	s.DrainCut(2)
	s.Panic()
	closed := s.ClosedCounters([]string{"eof", "slow_reader"})
	closed[1].Inc()
	s.ObserveFirstToken(15 * time.Millisecond)
	s.ObserveInterToken(30 * time.Millisecond)
	s.ObserveQueueWait(time.Second)
	s.ObserveRequest(2 * time.Hour)
	s.ObserveReject(15 * time.Microsecond)
	text := scrape(t, s)
	for _, want := range []string{
		`inferd_requests_total{wire="v1",outcome="done"} 1`,
		`inferd_requests_total{wire="v2",outcome="broken"} 1`,
		`inferd_requests_total{wire="embed",outcome="done"} 0`,
		`inferd_rejected_total{reason="queue_full"} 2`,
		`inferd_tokens_total{kind="completion"} 7`,
		`inferd_connections_total{transport="tcp"} 1`,
		`inferd_connections_closed_total{reason="slow_reader"} 1`,
		`inferd_queue_depth 3`,
		`inferd_active 0`,
		`inferd_log_dropped_total 4`,
		`inferd_drain_cut_total 2`,
		`inferd_panics_total 1`,
		`inferd_breaker_state{backend="local"} 2`,
		`inferd_build_info{version="1.2",commit="a\"b\\c ",go_version="go1.26"} 1`,
		`inferd_time_to_first_token_seconds_bucket{le="0.01"} 0`,
		`inferd_time_to_first_token_seconds_bucket{le="0.02"} 1`,
		`inferd_inter_token_seconds_sum 0.03`,
		`inferd_queue_wait_seconds_bucket{le="1"} 1`,
		`inferd_request_duration_seconds_bucket{le="1920"} 0`,
		`inferd_request_duration_seconds_count 1`,
		`inferd_reject_seconds_bucket{le="1e-05"} 0`,
		`inferd_reject_seconds_bucket{le="2e-05"} 1`,
		"# TYPE inferd_inter_token_seconds histogram",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("scrape lacks %q", want)
		}
	}
	want := Counters{
		Requests: map[string]uint64{"done": 1, "rejected": 1, "broken": 1, "failed": 0, "cancelled": 0},
		Rejected: map[string]uint64{}, Tokens: map[string]uint64{"prompt": 0, "cached_prompt": 0},
		DrainCut: 2, Panics: 1,
	}
	for _, r := range reasonNames {
		want.Rejected[r] = 0
	}
	want.Rejected["queue_full"], want.Tokens["completion"] = 2, 7
	if diff := cmp.Diff(want, s.Counters()); diff != "" {
		t.Errorf("Counters: (-want +got)\n%s", diff)
	}
}

func TestBreakers(t *testing.T) {
	s := New(Options{})
	s.Breaker("one", func() float64 { return 1 })
	s.Breaker("other", func() float64 { return 0 })
	text := scrape(t, s)
	if !strings.Contains(text, `{backend="one"} 1`) || !strings.Contains(text, `{backend="other"} 0`) {
		t.Errorf("got\n%s", text)
	}
}

func TestDisabledObservesNothing(t *testing.T) {
	s := New(Options{})
	s.ObserveInterToken(time.Second)
	if text := scrape(t, s); !strings.Contains(text, "inferd_inter_token_seconds_count 0\n") {
		t.Error("an observation was kept though nobody can read it")
	}
	if s.Enabled() {
		t.Error("Enabled() without Options.Enabled")
	}
}

func TestNoAllocations(t *testing.T) {
	s := full()
	closed := s.ClosedCounters([]string{"eof"})
	if n := testing.AllocsPerRun(100, func() {
		s.Request(V1, Done)
		s.Reject(QueueFull)
		s.Tokens(Completion, 3)
		s.ObserveInterToken(time.Millisecond)
		s.ObserveFirstToken(time.Millisecond)
		s.ObserveReject(time.Microsecond)
		closed[0].Inc()
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestCheckAddr(t *testing.T) {
	f := func(addr string, force bool, want string) {
		t.Helper()
		if got := fmt.Sprint(CheckAddr(addr, force)); !strings.Contains(got, want) {
			t.Errorf("CheckAddr(%q, %v) = %s, want %s", addr, force, got, want)
		}
	}
	f("127.0.0.1:9464", false, "<nil>")
	f("[::1]:0", false, "<nil>")
	f("[::ffff:127.0.0.1]:1", false, "<nil>")
	f("0.0.0.0:9464", false, "not loopback")
	f("[::]:9464", false, "not loopback")
	f("192.0.2.1:9464", false, "not loopback")
	f("192.0.2.1:9464", true, "<nil>")
	f("localhost:9464", false, "literal ip:port")
	f("9464", true, "literal ip:port")
}

// serve starts a server on a free port and gives its address.
func serve(t *testing.T, health func() (string, bool)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := NewServer(full(), health, nil)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v, want nil after Close", err)
		}
	})
	return ln.Addr().String()
}

func TestRoutes(t *testing.T) {
	ready := true
	addr := serve(t, func() (string, bool) {
		if ready {
			return "ready", true
		}
		return "draining", false
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	f := func(method, path, host string, wantStatus int, wantBody string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != wantStatus || !strings.Contains(string(body), wantBody) {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, resp.StatusCode, body, wantStatus, wantBody)
		}
	}
	f("GET", "/metrics", "", 200, `inferd_rejected_total{reason="queue_full"} 0`)
	f("GET", "/metrics", "", 200, "go_goroutines")
	f("GET", "/healthz", "localhost:1", 200, "ready\n")
	f("POST", "/metrics", "", 405, "")
	f("GET", "/", "", 404, "")
	f("GET", "/debug/pprof/", "", 404, "")
	f("GET", "/metrics", "evil.example", 421, "by its number")
	ready = false
	f("GET", "/healthz", "", 503, "draining\n")
}

// TestConnectionLimit: beyond the limit nobody is accepted until one leaves,
// and Close does not wait for a place.
func TestConnectionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
		limited := newLimitListener(ln, 2)
		accepted := make(chan net.Conn, 10)
		go func() {
			defer close(accepted)
			for {
				conn, err := limited.Accept()
				if err != nil {
					return
				}
				accepted <- conn
			}
		}()
		offer := func() bool {
			a, b := net.Pipe()
			t.Cleanup(func() { a.Close(); b.Close() })
			select {
			case ln.conns <- b:
				return true
			case <-time.After(time.Second):
				return false
			}
		}
		for range 2 {
			if !offer() {
				t.Fatal("not accepted below the limit")
			}
		}
		if offer() {
			t.Fatal("accepted beyond the limit")
		}
		first := <-accepted
		_ = first.Close()
		_ = first.Close() // gives one place back, not two
		if !offer() {
			t.Error("not accepted though a place was free")
		}
		if offer() {
			t.Error("closing twice gave two places back")
		}
		if err := limited.Close(); err != nil {
			t.Error(err)
		}
		<-accepted
		<-accepted
		if _, open := <-accepted; open {
			t.Error("accepted after Close")
		}
	})
}

type memoryListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	close(l.done)
	return nil
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }
