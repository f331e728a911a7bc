package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// withHint adds what to change to an error of the system.
func withHint(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("%w: raise the limit on open files (ulimit -n), "+
			"one is needed for each connection", err)
	}
	return err
}

// Worked reports whether the server answered at all: with a whole answer, a
// refusal, or the beginning of an answer that was abandoned on purpose.
func (r *Result) Worked() bool {
	return r.Done+r.DoneAfter+r.Rejected+r.RejectedAfter+r.HungUp > 0
}

// problem says what made the run worthless, or that the server is gone.
func (g *generator) problem(r *Result) string {
	if r.Interrupted {
		return ""
	}
	gone := g.serverGone()
	switch {
	case gone != nil && r.Worked():
		return fmt.Sprintf("the server was gone when the run ended: %v", gone)
	case gone != nil:
		return fmt.Sprintf("no request was answered: %s; the server is gone: %v", g.ends(r), gone)
	case !r.Worked():
		return "no request was answered: " + g.ends(r) + g.guess(r)
	}
	return ""
}

// serverGone is why no connection can be had any more; nil while one is open or
// can be opened.
func (g *generator) serverGone() error {
	if g.open > 0 {
		return nil
	}
	if err := g.connect(context.Background(), 0, goneTimeout); err != nil {
		return withHint(err)
	}
	g.disconnect(0)
	return nil
}

// ends lists how the requests of a run without answers ended.
func (g *generator) ends(r *Result) string {
	counts := map[string]int64{}
	for _, errors := range []map[string]int64{r.Errors, r.ErrorsAfter} {
		for code, n := range errors {
			counts[code] += n
		}
	}
	var parts []string
	for code, n := range counts {
		parts = append(parts, fmt.Sprintf("%s %d", code, n))
	}
	slices.Sort(parts)
	if r.Unfinished > 0 {
		parts = append(parts, fmt.Sprintf("%d unfinished", r.Unfinished))
	}
	if r.Unsent > 0 {
		parts = append(parts, fmt.Sprintf("%d never sent", r.Unsent))
	}
	if len(parts) == 0 && g.failure != nil {
		return fmt.Sprintf("the last connection ended: %v", g.failure)
	}
	if len(parts) == 0 {
		return "none was due"
	}
	return strings.Join(parts, ", ")
}

// guess names the likely reason why nothing was answered.
func (g *generator) guess(r *Result) string {
	lost := r.Errors[lostConnection]+r.ErrorsAfter[lostConnection] > 0 || g.failure != nil
	switch {
	case g.heard && !g.understood:
		return "; what came back is not inferd's protocol: is this another server?"
	case lost && !g.understood && r.Transport == "tcp":
		return "; inferd closes a TCP connection without a word when the API key is wrong " +
			"or missing: check --api-key or INFERD_API_KEY"
	}
	return ""
}

// warnings are the reasons to doubt the figures of a run.
func (c *Config) warnings(r *Result) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if r.ClientBusy() {
		warn("the generator used %.2f of a core: rates and latencies may be its own limits",
			r.ClientCPU)
	}
	if r.ClientWait >= starvedShare && scaled(r.MeanWait, time.Microsecond) >= starvedWait {
		warn("the generator waited for a processor %.0f%% of the time, %.0f us each time: "+
			"latencies include that, rates may be too low", 100*r.ClientWait, r.MeanWait)
	}
	if late := scaled(r.SendLate.P99, time.Millisecond); late >= lateLimit {
		warn("requests were sent %v behind their schedule (p99) though a connection was free: "+
			"latencies include that", late.Round(100*time.Microsecond))
	}
	if c.SlowShare > 0 && c.slowConns() == 0 {
		warn("no connection read slowly: a share of %g of %d rounds to none", c.SlowShare, c.Conns)
	}
	return all
}

// scaled is a figure of a result as a duration.
func scaled(v float64, unit time.Duration) time.Duration { return time.Duration(v * float64(unit)) }
