package openaicompat

import (
	"context"
	"net/http"
	"time"
)

// probeLoop asks the upstream every ProbeInterval, the first time at once, and
// turns readiness by the answers. It ends with Stop.
func (e *Engine) probeLoop() {
	tick := time.NewTicker(e.options.ProbeInterval)
	defer tick.Stop()
	failed := 0
	for {
		reason := e.probe()
		switch {
		case e.life.Err() != nil:
			return
		case reason == "":
			failed = 0
			e.setUp(true, "")
		default:
			if failed++; failed >= probesDown {
				e.setUp(false, reason)
			}
		}
		select {
		case <-tick.C:
		case <-e.life.Done():
			return
		}
	}
}

func (e *Engine) setUp(up bool, reason string) {
	if e.up.Swap(up) == up {
		return
	}
	if up {
		e.log.Info("upstream is back")
	} else {
		e.log.Warn("upstream does not answer its health probe", "reason", reason)
	}
	e.hooks.DoState(up, reason)
}

// probe reports what is wrong; nothing if somebody is there. Any answer below
// 500 will do: whether the path exists and the key is good is for requests to
// find out, and a server that is loading its model says 503.
func (e *Engine) probe() (wrong string) {
	ctx, cancel := context.WithTimeout(e.life, e.options.ConnectTimeout)
	defer cancel()
	req, err := e.newRequest(ctx, http.MethodGet, e.options.ProbePath, nil)
	if err != nil {
		return "probe path is not a valid path"
	}
	resp, err := e.client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return "no answer in time"
		}
		return networkError(err, e.options.ConnectTimeout).Text
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return "upstream HTTP " + resp.Status[:min(3, len(resp.Status))]
	}
	return ""
}
