package openaicompat

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/atomic"

	"inferd/engine"
)

func TestStatus(t *testing.T) {
	f := func(status int, body string, kind engine.Kind, want string) {
		t.Helper()
		text, _, err := generate(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		wantRefusal(t, err, kind, want)
		if text != "" {
			t.Errorf("%d: the sink got %q", status, text)
		}
	}
	f(500, "boom", engine.Unavailable, "upstream HTTP 500: boom")
	f(500, "", engine.Unavailable, "upstream HTTP 500")
	f(400, `{"error":"too long"}`, engine.Invalid, `upstream HTTP 400: too long`)
	f(400, `{"error":{"message":"too\u0020long"}}`, engine.Invalid, `upstream HTTP 400: too long`)
	f(400, `{"message":"too long"}`, engine.Invalid, `upstream HTTP 400: too long`)
	f(400, `{"detail":"too long"}`, engine.Invalid, `upstream HTTP 400: {"detail":"too long"}`)
	f(400, `{"error":{"message":"my key","code":401}}`, engine.Invalid, "access denied")
	f(413, "too big", engine.Invalid, "upstream HTTP 413: too big")
	f(422, "bad role", engine.Invalid, "upstream HTTP 422: bad role")
	f(429, "slow down", engine.Unavailable, "upstream HTTP 429: slow down")
	f(404, "no such model", engine.Unavailable, "upstream HTTP 404: no such model")
	f(503, "Loading model", engine.Unavailable, "upstream HTTP 503: Loading model")
	f(401, "bad key", engine.Unavailable, "upstream HTTP 401: access denied")
	f(403, "bad key", engine.Unavailable, "upstream HTTP 403: access denied")
	f(204, "", engine.Unavailable, "answer is empty")
}

// No secret, no control character and no half character of an upstream's text
// reaches a client.
func TestRefusalIsPresentable(t *testing.T) {
	const key = "0123-my-own-key"
	refusal := func(status int, body string) string {
		t.Helper()
		_, _, err := generate(t, Options{APIKey: key}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		if err == nil {
			t.Fatal("no error")
		}
		return err.Error()
	}
	for _, status := range []int{401, 403, 400, 500} {
		got := refusal(status,
			"key "+key+" or sk-abcdefghijklmnopqrstuvwxyz012345 is bad\x00\x1b[31m\u202e")
		if strings.Contains(got, key) || strings.Contains(got, "sk-abcdef") {
			t.Errorf("HTTP %d: %q holds a secret", status, got)
		}
		if strings.ContainsAny(got, "\x00\x1b\u202e") {
			t.Errorf("HTTP %d: %q holds control characters", status, got)
		}
	}
	prefix := len("upstream HTTP 500: ")
	for shift := range 4 { // the cut falls on each byte of a character
		got := refusal(500, strings.Repeat("x", shift)+strings.Repeat("🌍", 5000))[prefix:]
		if !utf8.ValidString(got) || strings.ContainsRune(got, utf8.RuneError) {
			t.Errorf("shift %d: the cut left a half character", shift)
		}
		if len(got) > maxErrorTextBytes || len(got) < maxErrorTextBytes-utf8.UTFMax {
			t.Errorf("shift %d: %d bytes, want %d at most and nearly", shift, len(got), maxErrorTextBytes)
		}
	}
}

// A key is found however the upstream's JSON spells it.
func TestRefusalHidesEscapedKey(t *testing.T) {
	const key = `k/e+y\&<"0123>`
	f := func(spelled string) {
		t.Helper()
		for _, body := range []string{
			`{"error":{"message":"key %s is bad"}}`, `{"error":"key %s is bad"}`,
			`{"detail":"key %s is bad"}`, `{"error":{"message":"key %s is bad`, `key %s is bad`,
		} {
			_, _, err := generate(t, Options{APIKey: key}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				_, _ = fmt.Fprintf(w, body, spelled)
			})
			wantRefusal(t, err, engine.Unavailable, "key [REDACTED:api-key] is bad")
		}
	}
	f(`k/e+y\\&<\"0123>`)
	f(`k\/e+y\\&<\"0123>`)
	f(`k\u002fe\u002By\u005c\u0026\u003C\u00220123\u003e`)
	f(`k\\/e\\u002by\\\\&<\\\"0123>`) // JSON within JSON
}

// Each wait has a deadline of its own, told apart by its text.
func TestStalls(t *testing.T) {
	f := func(o Options, kind string, handle http.HandlerFunc) {
		t.Helper()
		for _, d := range []*time.Duration{&o.Timeout, &o.FirstTokenTimeout, &o.IdleTimeout} {
			if *d == 0 {
				*d = never
			}
		}
		text, _, err := generate(t, o, handle)
		if text == "" {
			wantRefusal(t, err, engine.Unavailable, kind)
		} else {
			wantBrokenOff(t, err, kind)
		}
	}
	const first, idle, total = "no token within 30ms", "nothing more for 30ms", "took longer than 30ms"

	beforeHeader := func(_ http.ResponseWriter, r *http.Request) { hang(r) }
	beforeToken := func(w http.ResponseWriter, r *http.Request) {
		stream(w, `{"choices":[{"delta":{"role":"assistant","content":""}}]}`)
		hang(r)
	}
	afterToken := func(w http.ResponseWriter, r *http.Request) {
		stream(w, delta("a"))
		hang(r)
	}
	onlyComments := func(w http.ResponseWriter, r *http.Request) {
		stream(w)
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, ": still here\n\n")
			w.(http.Flusher).Flush()
		}
	}
	tokensForEver := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for r.Context().Err() == nil {
			stream(w, delta("a"))
		}
	}
	f(Options{FirstTokenTimeout: soon}, first, beforeHeader)
	f(Options{FirstTokenTimeout: soon}, first, beforeToken)
	f(Options{FirstTokenTimeout: soon}, first, onlyComments)
	f(Options{IdleTimeout: soon}, idle, afterToken)
	f(Options{Timeout: soon}, total, beforeHeader)
	f(Options{Timeout: soon}, total, afterToken)
	f(Options{Timeout: soon}, total, tokensForEver)
}

// A client that is slow to take its tokens costs the upstream nothing: only the
// waits for the upstream count against its deadlines.
func TestSlowSinkIsNotAStall(t *testing.T) {
	sent := make(chan struct{})
	base := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		stream(w, delta("a"), delta("b"), finish("stop"), "[DONE]")
		close(sent)
	})
	o := Options{BaseURL: base, FirstTokenTimeout: never, IdleTimeout: soon}
	out := collector{onGet: func() {
		<-sent
		<-time.After(2 * soon)
	}}
	_, err := newEngine(t, o).Generate(t.Context(), request(), &out)
	if err != nil || out.text() != "ab" {
		t.Errorf("got %q, %v", out.text(), err)
	}
}

func TestLies(t *testing.T) {
	f := func(answer, wantText, want string) {
		t.Helper()
		text, _, err := generate(t, Options{}, serveRaw(answer))
		if text != wantText {
			t.Errorf("%.50q: the sink got %q, want %q", answer, text, wantText)
		}
		if text == "" {
			wantRefusal(t, err, engine.Unavailable, want)
		} else {
			wantBrokenOff(t, err, want)
		}
	}
	const ok, broke = "HTTP/1.1 200 OK\r\n", "connection to upstream broke off"
	event := "data: " + delta("a") + "\n\n"
	f("", "", broke)
	f("garbage\r\n\r\n", "", broke)
	f("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 2*maxHeaderBytes)+"\r\n\r\n", "", broke)
	f(ok+"Content-Length: 9999\r\n\r\n"+event, "a", broke)
	f(ok+"Content-Length: 20\r\n\r\n"+event, "", "ended the stream before")
	f(ok+"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "", broke)
	f(ok+fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(event), event), "a", broke)
	f(ok+"Connection: close\r\n\r\n"+event, "a", "ended the stream before")
	f(ok+"Connection: close\r\n\r\n"+event+"data: {\"choices\":[{\"delta\":{\"cont", "a",
		"ended the stream before")
	f(ok+"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08", "", "compressed its answer")
	f(ok+"Content-Type: text/html\r\n\r\n<!doctype html>", "", "web page")
	f("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x?secret\r\n\r\n", "", "HTTP 302: redirect")
}

// A kept connection that the upstream has closed in the meantime costs nothing;
// a fresh one that breaks off is a failure and not tried again.
func TestStaleConnection(t *testing.T) {
	answer := "data: " + delta("a") + "\n\ndata: " + finish("stop") + "\n\ndata: [DONE]\n\n"
	good := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	f := func(name string, connections [][]string, wantErr bool) {
		t.Helper()
		base, used := scripted(t, connections)
		e := newEngine(t, Options{BaseURL: base})
		var err error
		for range 2 {
			var out collector
			if _, err = e.Generate(t.Context(), request(), &out); err != nil {
				break
			}
			if out.text() != "a" {
				t.Errorf("%s: got %q", name, out.text())
			}
		}
		if wantErr {
			wantRefusal(t, err, engine.Unavailable, "connection to upstream broke off")
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := int(used.Load()); got != len(connections) {
			t.Errorf("%s: %d connections, want %d", name, got, len(connections))
		}
	}
	f("kept, then closed", [][]string{{good, ""}, {good}}, false)
	f("fresh, then closed", [][]string{{""}}, true)
}

// scripted is an upstream that answers the requests of its n-th connection as
// connections[n] says; "" closes the connection instead.
func scripted(t *testing.T, connections [][]string) (base string, used *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	used = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n := int(used.Inc())
			reader := bufio.NewReader(conn)
			for _, answer := range connections[min(n, len(connections))-1] {
				req, err := http.ReadRequest(reader)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, req.Body)
				if answer == "" {
					break
				}
				_, _ = io.WriteString(conn, answer)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "http://" + l.Addr().String(), used
}

// A wrong content type alone is no reason to refuse a good stream.
func TestContentTypeIsNotBelieved(t *testing.T) {
	for _, contentType := range []string{"application/json", "text/plain", "image/png"} {
		text, _, err := generate(t, Options{}, serveRaw("HTTP/1.1 200 OK\r\nContent-Type: "+contentType+
			"\r\n\r\ndata: "+delta("a")+"\n\ndata: "+finish("stop")+"\n\ndata: [DONE]\n\n"))
		if err != nil || text != "a" {
			t.Errorf("%s: got %q, %v", contentType, text, err)
		}
	}
}

func TestCannotConnect(t *testing.T) {
	f := func(base string, timeout time.Duration, want string) {
		t.Helper()
		e := newEngine(t, Options{BaseURL: base, ConnectTimeout: timeout})
		_, err := e.Generate(t.Context(), request(), &collector{})
		wantRefusal(t, err, engine.Unavailable, want)
	}
	f("http://"+closedPort(t), never, "upstream refused the connection")
	f("https://"+silentListener(t), soon, "could not be connected to within 30ms")
	plain := upstream(t, func(http.ResponseWriter, *http.Request) {})
	f(strings.Replace(plain, "http://", "https://", 1), never, "upstream does not speak TLS")
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	f(secure.URL, never, "certificate is not trusted")
	f("http://inferd.invalid", never, "host name cannot be resolved")
}

// silentListener accepts connections and says nothing: no TLS handshake.
func silentListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// The prompt and the key go to the configured origin and nowhere else.
func TestRedirects(t *testing.T) {
	elsewhere := upstream(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another origin was asked: %s %s", r.Method, r.URL)
	})
	f := func(status int, to, want string) {
		t.Helper()
		_, _, err := generate(t, Options{APIKey: "k"}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/new" {
				t.Errorf("HTTP %d to %s was followed", status, to)
			}
			w.Header().Set("Location", to)
			w.WriteHeader(status)
		})
		wantRefusal(t, err, engine.Unavailable, want)
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		f(status, elsewhere+"/v1/chat/completions", fmt.Sprintf("HTTP %d: redirect", status))
	}
	f(302, "/new", "HTTP 302: redirect") // would turn the POST into a GET
	f(307, "/v1/chat/completions", "HTTP 307: redirect")

	text, _, err := generate(t, Options{APIKey: "k"}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/new" {
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Contains(body, []byte(`"hi"`)) ||
			r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("within the origin the request must be repeated whole: %q", body)
		}
		stream(w, delta("a"), finish("stop"), "[DONE]")
	})
	if err != nil || text != "a" {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestNetworkError_NamesThePhase: only what happens while a connection is made is
// called so.
func TestNetworkError_NamesThePhase(t *testing.T) {
	f := func(err error, want string) {
		t.Helper()
		if got := networkError(err, soon).Text; got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	op := func(name string, err error) error {
		return &url.Error{Op: "Post", Err: &net.OpError{Op: name, Net: "tcp", Err: err}}
	}
	system := func(name string, err error) error { return op(name, os.NewSyscallError(name, err)) }
	f(system("read", syscall.ETIMEDOUT), "connection to upstream broke off")
	f(system("write", syscall.ETIMEDOUT), "connection to upstream broke off")
	f(system("read", syscall.ECONNRESET), "connection to upstream broke off")
	f(io.ErrUnexpectedEOF, "connection to upstream broke off")
	f(system("dial", syscall.ETIMEDOUT), "upstream could not be connected to within 30ms")
	f(op("dial", os.ErrDeadlineExceeded), "upstream could not be connected to within 30ms")
	f(system("dial", syscall.ECONNREFUSED), "upstream refused the connection")
	f(system("dial", syscall.EHOSTUNREACH), "upstream could not be connected to")
	noSocket := system("socket", syscall.EMFILE)
	f(noSocket, "no descriptor is left for a connection to the upstream")
	if got := networkError(noSocket, soon).Kind; got != engine.Exhausted { // says nothing of the upstream
		t.Errorf("kind %d", got)
	}
	f(&net.DNSError{Err: "dial udp", Name: "h"}, "upstream's host name cannot be resolved")
}

// What is logged about bad events holds none of their text.
func TestLogHoldsNoUpstreamText(t *testing.T) {
	var log bytes.Buffer
	e, err := New(Options{Name: "farm", Model: "m", BaseURL: upstream(t,
		func(w http.ResponseWriter, _ *http.Request) {
			stream(w, "SECRET", delta("a"), finish("stop"), "[DONE]")
		})}, engine.Hooks{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Generate(t.Context(), request(), &collector{}); err != nil {
		t.Error(err)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	got := log.String()
	if !strings.Contains(got, "backend=farm") || !strings.Contains(got, "skipped=1") ||
		strings.Contains(got, "SECRET") {
		t.Errorf("log: %s", got)
	}
}
