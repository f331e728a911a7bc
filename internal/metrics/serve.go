package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// CheckAddr refuses an address that other machines could reach, unless force.
// The metrics tell how the machine is used, and nothing protects them.
func CheckAddr(addr string, force bool) error {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return fmt.Errorf("metrics address %q: use a literal ip:port such as 127.0.0.1:9464", addr)
	}
	if !ap.Addr().Unmap().IsLoopback() && !force {
		return fmt.Errorf(
			"metrics address %q is not loopback: use 127.0.0.1, or force it if that is meant", addr,
		)
	}
	return nil
}

// Server serves a Set over HTTP.
type Server struct {
	http http.Server
}

// NewServer makes a server of /metrics and /healthz. health is the daemon's
// status and whether it serves; nil answers ok.
func NewServer(s *Set, health func() (status string, ok bool), log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if err := s.Write(w); err != nil {
			log.Debug("scrape broke off", "error", err)
		}
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		status, ok := "ok", true
		if health != nil {
			status, ok = health()
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		if _, err := fmt.Fprintln(w, status); err != nil {
			log.Debug("health check broke off", "error", err)
		}
	})
	return &Server{http: http.Server{
		Handler:        onlyLocalNames(mux),
		ReadTimeout:    readTimeout,
		WriteTimeout:   writeTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// Serve serves ln until Close, then returns nil. The caller has checked the
// address with [CheckAddr].
func (s *Server) Serve(ln net.Listener) error {
	err := s.http.Serve(newLimitListener(ln, maxScrapers))
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics listener: %w", err)
	}
	return nil
}

// Close lets scrapes end until ctx does, then cuts them.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("closing metrics listener: %w", err), s.http.Close())
	}
	return nil
}

// onlyLocalNames refuses requests to a loopback listener under a foreign name:
// that is a web page whose name was pointed at this machine.
func onlyLocalNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if ok && local.IP.IsLoopback() && !localName(r.Host) {
			http.Error(w, "ask for this address by its number or as localhost",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func localName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// limitListener accepts only while fewer than a number of connections are open,
// so that scrapers cannot eat the daemon's descriptors.
type limitListener struct {
	net.Listener
	places chan struct{} // one token an open connection
	done   chan struct{} // closed by Close
	close  func() error  // once
}

func newLimitListener(ln net.Listener, limit int) *limitListener {
	l := &limitListener{
		Listener: ln, places: make(chan struct{}, limit), done: make(chan struct{}),
	}
	l.close = sync.OnceValue(func() error {
		close(l.done)
		return ln.Close()
	})
	return l
}

func (l *limitListener) Close() error { return l.close() }

func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{conn, sync.OnceFunc(func() { <-l.places })}, nil
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
