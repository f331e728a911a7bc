package store

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client gives what downloads are made with: the caller's client, or a fresh
// one, with redirects kept to https. done closes what was opened here.
func (s *Store) client() (c *http.Client, done func()) {
	done = func() {}
	if s.opt.HTTPClient != nil {
		copied := *s.opt.HTTPClient
		c = &copied
	} else {
		t := &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: s.opt.ConnectTimeout}).DialContext,
			TLSHandshakeTimeout: s.opt.ConnectTimeout,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        1,
			IdleConnTimeout:     time.Minute,
			// Ranges and lengths are those of the file, not of a packed form.
			DisableCompression: true,
		}
		c, done = &http.Client{Transport: t}, t.CloseIdleConnections
	}
	c.CheckRedirect = httpsOnly
	c.Timeout = 0 // large files take long; the stall timeout watches instead
	return c, done
}

var errRedirect = errors.New("refused redirect")

// httpsOnly keeps a redirect from leading out of the encryption, and from telling
// the next host where it came from: the URL's query may be a signature.
func httpsOnly(req *http.Request, via []*http.Request) error {
	req.Header.Del("Referer") // net/http has set it already
	if req.URL.Scheme != "https" {
		return fmt.Errorf("%w to %s: only https is followed",
			errRedirect, safeURL(req.URL.String()))
	}
	if len(via) >= maxRedirects {
		return fmt.Errorf("%w: more than %d of them", errRedirect, maxRedirects)
	}
	return nil
}

// transportError words a failed request. The URL that net/http puts in front is
// dropped, and so is a redirect's that it quotes because it can't be read: the
// query may be a signature.
func transportError(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	if strings.Contains(err.Error(), "Location header") {
		err = fmt.Errorf("%w: its address can't be read", errRedirect)
	}
	return fmt.Errorf("http transport: %w", err)
}

// safeURL leaves out of a URL what may be secret: all but scheme, host and path.
func safeURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(unreadable)"
	}
	u.User, u.Fragment = nil, ""
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// strongTag gives an ETag that identifies bytes: weak ones don't.
func strongTag(h http.Header) string {
	tag := h.Get("ETag")
	if strings.HasPrefix(tag, "W/") || len(tag) > 256 {
		return ""
	}
	return tag
}
