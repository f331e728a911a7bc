package openaicompat

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/atomic"

	"inferd/engine"
	"inferd/route"
)

const answerText = "t0 t1 t2 t3 t4 t5 t6 t7 "

// farmNode is one upstream of a farm: it streams eight tokens, can hold its
// answers in the middle, and can die and come back at the same address.
type farmNode struct {
	address string
	server  *httptest.Server
	served  atomic.Int64
	holding atomic.Bool
	held    chan struct{} // one for each answer that is being held
}

func newFarmNode(t *testing.T) *farmNode {
	t.Helper()
	n := &farmNode{held: make(chan struct{}, 64)}
	n.start(t, "127.0.0.1:0")
	t.Cleanup(func() { n.die() })
	return n
}

func (n *farmNode) start(t *testing.T, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	n.address = listener.Addr().String()
	n.server = httptest.NewUnstartedServer(http.HandlerFunc(n.answer))
	n.server.Listener.Close()
	n.server.Listener = listener
	n.server.Start()
}

// die drops every connection at once, as a killed process does.
func (n *farmNode) die() {
	n.server.Listener.Close()
	n.server.CloseClientConnections()
	n.server.Close()
}

func (n *farmNode) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet { // the health probe
		return
	}
	for i, token := range strings.SplitAfter(strings.TrimSpace(answerText), " ") {
		if i == 4 && n.holding.Load() {
			n.held <- struct{}{}
			hang(r)
			return
		}
		stream(w, delta(strings.TrimSpace(token)+" "))
	}
	stream(w, finish("stop"), "[DONE]")
	n.served.Inc()
}

// farm is the router's view: two upstreams that share the load.
type farm struct {
	router *route.Router
	done   atomic.Int64
	mu     sync.Mutex
	lost   []string // the backend's name for each request without an answer
}

// run is one client: one request after the other until stop is closed.
func (f *farm) run(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		lease, err := f.router.Pick(func(c engine.Capabilities) bool { return c.V1 })
		if err != nil {
			t.Errorf("pick: %v", err)
			return
		}
		var out collector
		result, err := lease.Engine().Generate(context.Background(), request(), &out)
		lease.Done(route.OutcomeOf(engine.Result{}, err))
		switch {
		case err != nil:
			f.mu.Lock()
			f.lost = append(f.lost, lease.Name())
			f.mu.Unlock()
		case out.text() != answerText || result.Stop != engine.StopEnd:
			t.Errorf("%s: got %q, stop %s", lease.Name(), out.text(), result.Stop)
		default:
			f.done.Inc()
		}
	}
}

// lostSoFar takes the list of lost requests.
func (f *farm) lostSoFar() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.lost
	f.lost = nil
	return lost
}

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s", what)
		}
		<-time.After(time.Millisecond)
	}
}

// One of two upstreams dies under load: only the requests that it held, and
// those that found it dead before its breaker opened, are lost; the other
// serves everything else, and the first takes its share again once it is back.
func TestUpstreamDiesUnderLoad(t *testing.T) {
	const clients, threshold = 16, 3
	a, b := newFarmNode(t), newFarmNode(t)
	engines := map[string]*Engine{}
	var entries []route.Entry
	for name, node := range map[string]*farmNode{"a": a, "b": b} {
		engines[name] = newEngine(t, Options{
			Name: name, BaseURL: "http://" + node.address, ProbeInterval: 5 * time.Millisecond,
		})
		entries = append(entries, route.Entry{Name: name, Engine: engines[name], Weight: 1})
	}
	// The probe must find a dead upstream before the cooldown is over, or real
	// requests are spent on finding out: hence probe interval << cooldown.
	router, err := route.New(entries, route.Options{
		Policy: route.Policy{Failures: threshold, Cooldown: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &farm{router: router}
	stop := make(chan struct{})
	var crowd sync.WaitGroup
	defer crowd.Wait()
	defer close(stop)
	for range clients {
		crowd.Go(func() { f.run(t, stop) })
	}

	eventually(t, "both serve", func() bool { return a.served.Load() > 50 && b.served.Load() > 50 })
	if lost := f.lostSoFar(); lost != nil {
		t.Fatalf("lost %v while both were well", lost)
	}

	a.holding.Store(true)
	for range threshold {
		<-a.held // these are in flight, half answered
	}
	a.die()
	eventually(t, "a's breaker opens", func() bool { return router.State("a") == route.Open })
	eventually(t, "a is not ready", func() bool { return !engines["a"].Ready() })
	// Whatever a held has been given up by now or is by these clients' next turn.
	before := f.done.Load()
	eventually(t, "b serves alone", func() bool { return f.done.Load() > before+20*clients })
	lost := f.lostSoFar()
	for _, name := range lost {
		if name != "a" {
			t.Errorf("a request to %s was lost, which was well all the time", name)
		}
	}
	if len(lost) < threshold || len(lost) > threshold+clients-1 {
		t.Errorf("%d requests lost, want those in flight: %d to %d",
			len(lost), threshold, threshold+clients-1)
	}

	a.holding.Store(false)
	served := a.served.Load()
	a.start(t, a.address)
	eventually(t, "a serves again", func() bool { return a.served.Load() > served+50 })
	if lost := f.lostSoFar(); lost != nil {
		t.Errorf("lost %v although an upstream was well all the time", lost)
	}
	if got := router.State("a"); got != route.Closed {
		t.Errorf("a's breaker is %s, want closed", got)
	}
}
