package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// errStalled ends a try that has not brought a byte for the stall timeout.
var errStalled = errors.New("no data for the stall timeout")

// pace is exponential back-off that a server's Retry-After can stretch.
type pace struct {
	*backoff.ExponentialBackOff
	atLeast time.Duration // for the next pause only
}

// NextBackOff implements backoff.BackOff.
func (p *pace) NextBackOff() time.Duration {
	d := max(p.ExponentialBackOff.NextBackOff(), p.atLeast)
	p.atLeast = 0
	return d
}

// retry tries until the file is complete. Tries that bring bytes start the
// back-off afresh; those that don't are counted.
func (t *transfer) retry(ctx context.Context) error {
	p := &pace{ExponentialBackOff: backoff.NewExponentialBackOff()}
	p.InitialInterval, p.MaxInterval = t.s.opt.RetryDelay, maxRetryDelay
	fruitless := 0
	try := func() (struct{}, error) {
		if t.complete() {
			return struct{}{}, nil
		}
		before := t.have
		err := t.try(ctx, p)
		if err == nil {
			return struct{}{}, nil
		}
		fruitless++
		if t.have > before {
			fruitless = 0
			p.Reset()
		}
		if fruitless >= maxFruitless {
			err = backoff.Permanent(fmt.Errorf("%w (gave up after %d tries)", err, fruitless))
		}
		return struct{}{}, err
	}
	_, err := backoff.Retry(ctx, try, backoff.WithBackOff(p),
		backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, d time.Duration) {
			t.s.opt.Log.Warn("model download interrupted; trying again",
				"model", t.spec.Name, "error", err, "pause", d, "have_bytes", t.have)
		}))
	return err
}

// try makes one request and takes what it brings. A nil error means that the
// file is complete.
func (t *transfer) try(parent context.Context, p *pace) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	watchdog := time.AfterFunc(t.s.opt.StallTimeout, func() { cancel(errStalled) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.spec.SourceURL, nil)
	if err != nil {
		return backoff.Permanent(errors.New("source_url can't be read"))
	}
	req.Header.Set("User-Agent", "inferd")
	req.Header.Set("Accept-Encoding", "identity")
	if t.have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(t.have, 10)+"-")
		if v := t.origin.validator(); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	resp, err := t.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		// An answer that crossed with our hanging up is one to a request that
		// the server saw break off: whatever it says, it is not the file.
		err = ctx.Err()
	}
	if err != nil {
		return t.sortError(ctx, err)
	}
	done, err := t.begin(resp, p)
	if done || err != nil {
		return err
	}
	t.report(false)
	return t.receive(ctx, resp.Body, watchdog)
}

// sortError decides whether a failed request is worth another try.
func (t *transfer) sortError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("http transport: %w", cause)
	}
	worded := transportError(err)
	_, badCert := errors.AsType[*tls.CertificateVerificationError](err)
	if badCert || errors.Is(worded, errRedirect) {
		return backoff.Permanent(worded)
	}
	return worded
}

// begin looks at the answer's head and brings file and hash to where its body
// starts. done means that there is nothing to receive.
func (t *transfer) begin(resp *http.Response, p *pace) (done bool, err error) {
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent && t.have > 0:
		err = t.goOn(resp)
	case code == http.StatusOK:
		// The whole file: the first try, or a server that ignores Range, or
		// one that has another file by now.
		err = t.startOver(resp)
	case code == http.StatusRequestedRangeNotSatisfiable && t.have > 0:
		// Either nothing is left, or the file there has become shorter.
		if resp.Header.Get("Content-Range") == "bytes */"+strconv.FormatInt(t.have, 10) {
			t.total = t.have
			return true, nil
		}
		err = t.afresh(fmt.Errorf("http status %d", code))
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		p.atLeast = retryAfter(resp.Header, t.s.now())
		return false, fmt.Errorf("http status %d", code)
	default:
		return false, backoff.Permanent(fmt.Errorf("http status %d", code))
	}
	if err != nil {
		return false, err
	}
	if err := t.s.wantSpace(max(t.total, t.have) - t.have); err != nil {
		return false, backoff.Permanent(err)
	}
	t.spaceAt = t.have + spaceEvery
	return false, nil
}

// startOver prepares for the whole file.
func (t *transfer) startOver(resp *http.Response) error {
	if t.have > 0 {
		if err := t.afresh(nil); err != nil {
			return err
		}
	}
	if err := t.setTotal(resp.ContentLength); err != nil {
		return err
	}
	t.origin = origin{
		ETag: strongTag(resp.Header), LastModified: resp.Header.Get("Last-Modified"),
		Total: resp.ContentLength,
	}
	if err := t.saveOrigin(); err != nil {
		return backoff.Permanent(err)
	}
	return nil
}

// goOn checks that a partial answer is the piece that was asked for, of the file
// that the first piece was of.
func (t *transfer) goOn(resp *http.Response) error {
	start, total, ok := parseContentRange(resp.Header.Get("Content-Range"))
	switch {
	case !ok || start != t.have,
		total >= 0 && t.origin.Total >= 0 && total != t.origin.Total,
		t.origin.ETag != "" && strongTag(resp.Header) != "" &&
			strongTag(resp.Header) != t.origin.ETag:
		return t.afresh(errors.New("server's piece does not fit; starting over"))
	}
	t.mixed = true
	return t.setTotal(total)
}

// afresh forgets all bytes and gives the reason back. A disk that keeps them ends
// the download: another try would write behind them.
func (t *transfer) afresh(reason error) error {
	if err := t.restart(); err != nil {
		return backoff.Permanent(fmt.Errorf("io: %w", diskError(err)))
	}
	return reason
}

// setTotal takes the size that the server tells, -1 for none. A size other than
// the configured one is found out before the download, not after.
func (t *transfer) setTotal(n int64) error {
	if t.spec.SizeBytes > 0 && n >= 0 && n != t.spec.SizeBytes {
		return backoff.Permanent(fmt.Errorf(
			"server offers %d bytes, the configuration says size_bytes %d", n, t.spec.SizeBytes))
	}
	t.total = t.expected(n)
	return nil
}

// receive takes the body. The watchdog runs only while the network is waited
// for: a slow disk is not the server's stall.
func (t *transfer) receive(ctx context.Context, body io.Reader, watchdog *time.Timer) error {
	buf := make([]byte, copyBufferBytes)
	for {
		watchdog.Reset(t.s.opt.StallTimeout)
		n, readErr := body.Read(buf)
		watchdog.Stop()
		if err := t.write(buf[:n]); err != nil {
			return backoff.Permanent(err)
		}
		switch {
		case readErr == nil:
		case !errors.Is(readErr, io.EOF):
			return t.sortError(ctx, readErr)
		case t.total >= 0 && t.have < t.total:
			return fmt.Errorf("http transport: %w after %d of %d bytes",
				io.ErrUnexpectedEOF, t.have, t.total)
		default:
			return nil
		}
		t.report(false)
		if t.have >= t.spaceAt {
			if err := t.s.wantSpace(max(t.total, t.have) - t.have); err != nil {
				return backoff.Permanent(err)
			}
			t.spaceAt = t.have + spaceEvery
		}
	}
}

// parseContentRange reads "bytes <start>-<end>/<total or *>"; total is -1 for *.
func parseContentRange(text string) (start, total int64, ok bool) {
	rest, isBytes := strings.CutPrefix(text, "bytes ")
	span, size, hasSize := strings.Cut(rest, "/")
	from, to, hasEnd := strings.Cut(span, "-")
	if !isBytes || !hasSize || !hasEnd {
		return 0, 0, false
	}
	start, errStart := strconv.ParseInt(from, 10, 64)
	end, errEnd := strconv.ParseInt(to, 10, 64)
	total = -1
	var errTotal error
	if size != "*" {
		total, errTotal = strconv.ParseInt(size, 10, 64)
	}
	ok = errors.Join(errStart, errEnd, errTotal) == nil && start >= 0 && end >= start &&
		(size == "*" || total > end)
	return start, total, ok
}

// retryAfter reads the header in either of its forms, within bounds; 0 is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if secs, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(secs)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// diskError gives a full disk its name.
func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}
