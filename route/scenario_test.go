package route

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"

	"inferd/engine"
)

// TestScenarios runs the scripts in testdata on synctest's clock. Commands:
//
//	router [failures=N] [window=D] [cooldown=D]   one backend a line: NAME [weight=N] [embed]
//	pick LEASE [embed]                            who gets it
//	done LEASE success|failure|neutral            transitions that it causes
//	renew NAME                                    transitions that it causes
//	ready NAME true|false
//	order NAME[=WEIGHT]...
//	sleep DURATION
//	status
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		synctest.Test(t, func(t *testing.T) {
			s := &scenario{leases: map[string]Lease{}, engines: map[string]*fakeEngine{}}
			datadriven.RunTest(t, path, s.run)
		})
	})
}

type scenario struct {
	router  *Router
	engines map[string]*fakeEngine
	leases  map[string]Lease
	changes strings.Builder
}

func (s *scenario) run(t *testing.T, d *datadriven.TestData) string {
	arg := func(i int) string {
		if i >= len(d.CmdArgs) {
			d.Fatalf(t, "missing argument %d", i)
		}
		return d.CmdArgs[i].Key
	}
	s.changes.Reset()
	out := ""
	switch d.Cmd {
	case "router":
		return s.start(t, d)
	case "pick":
		out = s.pick(arg(0), d.HasArg("embed"))
	case "done":
		outcome, known := map[string]Outcome{
			"success": Success, "failure": Failure, "neutral": Neutral,
		}[arg(1)]
		lease, held := s.leases[arg(0)]
		if !known || !held {
			d.Fatalf(t, "unknown lease or outcome")
		}
		lease.Done(outcome)
	case "renew":
		s.router.Renew(arg(0))
	case "ready":
		s.engines[arg(0)].ready.Store(arg(1) == "true")
	case "order":
		var order []Place
		for _, a := range d.CmdArgs {
			place := Place{Name: a.Key}
			if len(a.Vals) > 0 {
				if _, err := fmt.Sscan(a.Vals[0], &place.Weight); err != nil {
					d.Fatalf(t, "%v", err)
				}
			}
			order = append(order, place)
		}
		if err := s.router.SetOrder(order); err != nil {
			return err.Error() + "\n"
		}
	case "sleep":
		pause, err := time.ParseDuration(arg(0))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		time.Sleep(pause)
	case "status":
		for _, b := range s.router.Status() {
			out += fmt.Sprintf("%s ready=%t breaker=%s\n", b.Name, b.Ready, b.Breaker)
		}
		out += fmt.Sprintf("all ready=%t\n", s.router.AllReady())
	default:
		d.Fatalf(t, "unknown command")
	}
	if out += s.changes.String(); out == "" {
		return "ok\n"
	}
	return out
}

func (s *scenario) start(t *testing.T, d *datadriven.TestData) string {
	var o Options
	o.OnChange = func(name string, from, to State) {
		if s.router.State(name) != to { // must be visible and callable from here
			t.Errorf("%s: State is not %s inside the callback", name, to)
		}
		fmt.Fprintf(&s.changes, "%s: %s -> %s\n", name, from, to)
	}
	for _, a := range d.CmdArgs {
		var err error
		switch a.Key {
		case "failures":
			_, err = fmt.Sscan(a.Vals[0], &o.Policy.Failures)
		case "window":
			o.Policy.Window, err = time.ParseDuration(a.Vals[0])
		case "cooldown":
			o.Policy.Cooldown, err = time.ParseDuration(a.Vals[0])
		default:
			err = fmt.Errorf("unknown argument %q", a.Key)
		}
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
	}
	var entries []Entry
	for line := range strings.Lines(d.Input) {
		f := strings.Fields(line)
		e := newFake()
		entry := Entry{Name: f[0], Engine: e}
		for _, option := range f[1:] {
			if option == "embed" {
				e.capabilities.Embed = true
			} else if _, err := fmt.Sscanf(option, "weight=%d", &entry.Weight); err != nil {
				d.Fatalf(t, "%q: %v", option, err)
			}
		}
		s.engines[entry.Name] = e
		entries = append(entries, entry)
	}
	router, err := New(entries, o)
	if err != nil {
		return err.Error() + "\n"
	}
	s.router = router
	return "ok\n"
}

func (s *scenario) pick(name string, embed bool) string {
	var need func(engine.Capabilities) bool
	if embed {
		need = func(c engine.Capabilities) bool { return c.Embed }
	}
	lease, err := s.router.Pick(need)
	if err != nil {
		return err.Error() + "\n"
	}
	s.leases[name] = lease
	if lease.permit.probe {
		return lease.Name() + " as probe\n"
	}
	return lease.Name() + "\n"
}
