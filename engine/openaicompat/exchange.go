package openaicompat

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"inferd/engine"
)

// newClient makes the HTTP client of one upstream: one origin, HTTP/1.1 (so
// that an aborted request is a closed connection, which every server notices),
// no compression (a compressor holds tokens back).
func newClient(o Options) *http.Client {
	dialer := net.Dialer{Timeout: o.ConnectTimeout}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    o.ConnectTimeout,
			DisableCompression:     true,
			MaxIdleConns:           maxIdleConns,
			MaxIdleConnsPerHost:    maxIdleConns,
			IdleConnTimeout:        idleConnTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: checkRedirect,
	}
}

// checkRedirect follows a redirect only where it repeats the request, with its
// body, to the same origin. Everything else would carry the prompt or the key
// to a place that nobody configured.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first, status := via[0].URL, next.Response.StatusCode
	repeats := status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
	if repeats && next.URL.Scheme == first.Scheme && next.URL.Host == first.Host &&
		len(via) <= maxRedirects {
		return nil
	}
	return http.ErrUseLastResponse
}

// exchange is one HTTP request to the upstream with its deadlines. It belongs
// to the goroutine of Generate or Embed; the timers only cancel its context.
type exchange struct {
	engine   *Engine
	caller   context.Context
	ctx      context.Context // the request's; its cause is the *engine.Error to report
	cancel   context.CancelCauseFunc
	unlink   func() bool
	total    *time.Timer
	first    *time.Timer // until progress
	idle     *time.Timer // after progress, while waiting for an event
	progress bool        // the upstream has begun to answer
}

// begin starts the clocks. Its caller must call end.
func (e *Engine) begin(caller context.Context) (*exchange, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped.Load() {
		return nil, engine.ErrNotReady
	}
	e.work.Add(1)
	x := &exchange{engine: e, caller: caller}
	x.ctx, x.cancel = context.WithCancelCause(caller)
	x.unlink = context.AfterFunc(e.life, func() { x.cancel(engine.ErrNotReady) })
	o := &e.options
	x.total = x.deadline(o.Timeout, "upstream took longer than %v for the whole answer")
	x.first = x.deadline(o.FirstTokenTimeout, "upstream sent no token within %v")
	x.idle = x.deadline(o.IdleTimeout, "upstream sent nothing more for %v")
	x.idle.Stop()
	return x, nil
}

func (x *exchange) deadline(d time.Duration, format string) *time.Timer {
	return time.AfterFunc(d, func() { x.cancel(engine.Errorf(engine.Unavailable, format, d)) })
}

func (x *exchange) end() {
	x.total.Stop()
	x.first.Stop()
	x.idle.Stop()
	x.unlink()
	x.cancel(context.Canceled)
	x.engine.work.Done()
}

// progressed ends the wait for the first token; from here on it is the gaps
// that are watched.
func (x *exchange) progressed() {
	x.progress = true
	x.first.Stop()
}

// waiting and received surround each wait for the upstream. In between it is
// our own client that may be slow, which the upstream must not pay for.
func (x *exchange) waiting() {
	if x.progress {
		x.idle.Reset(x.engine.options.IdleTimeout)
	}
}

func (x *exchange) received() { x.idle.Stop() }

// post sends body and returns the body of a good answer, which the caller
// closes. Every other answer becomes an error.
func (x *exchange) post(path string, body []byte) (io.ReadCloser, error) {
	req, err := x.engine.newRequest(x.ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, engine.Errorf(engine.Internal, "request to the upstream cannot be built")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream, application/json")
	// Some servers (llama-server) close a connection after a stream without
	// announcing it. A request that meets such a connection out of the pool gets
	// no byte back; this key, never sent, has net/http repeat it on a fresh one.
	// A fresh connection that breaks off is still a failure.
	req.Header["Idempotency-Key"] = nil
	resp, err := x.engine.client.Do(req)
	if err != nil {
		return nil, x.failure(err)
	}
	if err := x.refused(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return &limitedBody{ReadCloser: resp.Body, left: maxAnswerBytes}, nil
}

func (e *Engine) newRequest(
	ctx context.Context, method, path string, body io.Reader,
) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.options.BaseURL+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "inferd")
	if e.options.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+e.options.APIKey)
	}
	return req, nil
}

// failure says why the exchange ended with err: the caller's own end first,
// then a deadline or Stop, then whatever the network did.
func (x *exchange) failure(err error) error {
	if callerErr := x.caller.Err(); callerErr != nil {
		return callerErr
	}
	if cause, ok := errors.AsType[*engine.Error](context.Cause(x.ctx)); ok {
		return cause
	}
	return networkError(err, x.engine.options.ConnectTimeout)
}

// networkError sorts a transport error. The error's own text names addresses
// and URLs, which are the operator's business and not the client's.
func networkError(err error, connectTimeout time.Duration) *engine.Error {
	unavailable := func(format string, args ...any) *engine.Error {
		return engine.Errorf(engine.Unavailable, format, args...)
	}
	for _, tooLarge := range []error{errAnswerTooLarge, errEventTooLarge} {
		if errors.Is(err, tooLarge) {
			return unavailable("%v", tooLarge)
		}
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return engine.Errorf(engine.Exhausted, "no descriptor is left for a connection to the upstream")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return unavailable("upstream's TLS certificate is not trusted")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok ||
		errors.Is(err, http.ErrSchemeMismatch) {
		return unavailable("upstream does not speak TLS: check base_url")
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return unavailable("upstream's host name cannot be resolved")
	}
	switch op, ok := errors.AsType[*net.OpError](err); {
	case ok && (op.Op == "read" || op.Op == "write"):
		// Also where the system gave up on a connection that was made (ETIMEDOUT).
		return unavailable("connection to upstream broke off")
	case isTimeout(err): // of dialling, or of the TLS handshake
		return unavailable("upstream could not be connected to within %v", connectTimeout)
	case ok && errors.Is(err, syscall.ECONNREFUSED):
		return unavailable("upstream refused the connection")
	case ok:
		return unavailable("upstream could not be connected to")
	}
	return unavailable("connection to upstream broke off")
}

// isTimeout finds timeouts of net and net/http.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

var errAnswerTooLarge = errors.New("upstream's answer is larger than 64 MiB")

// limitedBody fails, rather than ends, when the answer is too large.
type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errAnswerTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}
