package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	chatTokens = `{"type":"token","id":"","content":"alpha "}` + "\n" +
		`{"type":"token","id":"","content":"beta"}` + "\n"
	chatDone = `{"type":"done","id":"","content":"alpha beta","usage":{"prompt_tokens":1,` +
		`"completion_tokens":2},"stop_reason":"end","backend":"mock"}` + "\n"
	chatFull = `{"type":"error","id":"","code":"queue_full","message":"queue full",` +
		`"retry_after_ms":1500,"active":1,"queued":0}` + "\n"
)

func TestChatOnce(t *testing.T) {
	f := func(name, answer string, args []string, wantCode int, wantOut, wantErr string) {
		t.Run(name, func(t *testing.T) {
			path, _ := answering(t, answer)
			got := runWith(t, "", append([]string{"chat", "--uds", path, "-p", "hi"}, args...)...)
			if got.code != wantCode || got.stdout != wantOut || got.stderr != wantErr {
				t.Errorf("got %+v\nwant exit %d, stdout %q, stderr %q", got, wantCode, wantOut, wantErr)
			}
		})
	}
	f("streams", chatTokens+chatDone, nil, exitOK, "alpha beta\n", "")
	f("whole answer in done", chatDone, []string{"--no-stream"}, exitOK, "alpha beta\n", "")
	f("raw frames", chatTokens+chatDone, []string{"--json"}, exitOK, chatTokens+chatDone, "")
	f("busy", chatFull, nil, exitError, "", "error: queue_full: queue full (try again in 1.5s)\n")
	f("busy, raw", chatFull, []string{"--json"}, exitError, chatFull,
		"error: queue_full: queue full (try again in 1.5s)\n")
	f("breaks off", chatTokens, nil, exitError, "alpha beta\n",
		"error: the daemon closed the connection before the answer was complete: "+
			"connection ended before the terminal frame\n")
}

func TestChatRequestLine(t *testing.T) {
	grammar := filepath.Join(t.TempDir(), "g")
	if err := os.WriteFile(grammar, []byte(`root ::= "x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(stdin string, args []string, want string) {
		t.Helper()
		path, requests := answering(t, chatDone)
		got := runWith(t, stdin, append([]string{"chat", "--uds", path}, args...)...)
		if got.code != exitOK {
			t.Fatalf("%v: %+v", args, got)
		}
		if line := <-requests; line != want {
			t.Errorf("%v\n got %s\nwant %s", args, line, want)
		}
	}
	f("", []string{"-p", "hi"}, `{"messages":[{"role":"user","content":"hi"}]}`)
	f("from a pipe\nwith lines\n", nil,
		`{"messages":[{"role":"user","content":"from a pipe\nwith lines"}]}`)
	f("from a pipe", []string{"-p", "-"}, `{"messages":[{"role":"user","content":"from a pipe"}]}`)
	f("ignored", []string{"-p", "flag"}, `{"messages":[{"role":"user","content":"flag"}]}`)
	f("", []string{
		"-p", "hi", "--system", "be terse", "--temperature", "0", "--top-p", "0.5", "--top-k", "3",
		"--max-tokens", "9", "--grammar-file", grammar, "--id", "r7", "--no-stream",
	}, `{"id":"r7","messages":[{"role":"system","content":"be terse"},`+
		`{"role":"user","content":"hi"}],"temperature":0,"top_p":0.5,"top_k":3,"max_tokens":9,`+
		`"stream":false,"grammar":"root ::= \"x\""}`)
}

func TestChatUsage(t *testing.T) {
	f := func(stdin, want string, args ...string) {
		t.Helper()
		got := runWith(t, stdin, append([]string{"chat"}, args...)...)
		if got.code != exitError || got.stdout != "" || !strings.HasPrefix(got.stderr, "error: "+want) {
			t.Errorf("%v: %+v, want %q", args, got, want)
		}
	}
	f("", "the prompt on standard input is empty")
	f("", "--uds and --tcp exclude each other", "--uds", "/x", "--tcp", "127.0.0.1:1", "-p", "hi")
	f("", "unknown flag: --nonsense", "--nonsense")
	f("", `unexpected argument "hello": a prompt is given with -p`, "hello")
	f("", "--grammar-file: open /nowhere: ", "-p", "hi", "--grammar-file", "/nowhere")
	f("", `invalid argument "-1" for "--top-k"`, "--top-k=-1")

	t.Setenv("INFERD_UDS", "none")
	f("", "no Unix socket and no TCP address", "-p", "hi")
	t.Setenv("INFERD_TCP", "127.0.0.1:1") // nobody is there
	f("", "dial tcp:127.0.0.1:1: ", "-p", "hi")
}

// TestHungUp: a daemon that closes without a word leaves its client to guess why.
func TestHungUp(t *testing.T) {
	path := fakeSocket(t, func(*bufio.Reader, net.Conn) {})
	got := runWith(t, "", "chat", "-p", "hi", "--uds", path)
	if got.code != exitError || !strings.Contains(got.stderr, "or --allow-uid or --allow-gid leaves you out") {
		t.Errorf("%+v", got)
	}
	path = fakeSocket(t, func(r *bufio.Reader, conn net.Conn) {
		_, _ = r.ReadString('\n')
		_, _ = io.WriteString(conn, chatTokens)
	})
	got = runWith(t, "", "chat", "-p", "hi", "--uds", path)
	if want := "the daemon closed the connection before the answer was complete"; !strings.Contains(got.stderr, want) {
		t.Errorf("%+v, want %q", got, want)
	}
}

// TestEndpointsOfTheConfigFile: where the daemon serves by its config file it is looked
// for, unless a flag or variable says otherwise.
func TestEndpointsOfTheConfigFile(t *testing.T) {
	home(t)
	uds, requests := answering(t, chatTokens+chatDone)
	config := filepath.Join(t.TempDir(), "config.json")
	text := fmt.Sprintf(`{"uds": %q, "admin_addr": %q}`, uds, saying(t, eventCapabilities+eventReady))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "--config", config, "chat", "-p", "hi")
	<-requests
	must(t, "--config", config, "status")
	got := runWith(t, "", "--config", config, "--admin-addr", "/nowhere", "status")
	if got.code == exitOK || !strings.Contains(got.stderr, "/nowhere") {
		t.Errorf("%+v", got)
	}
	t.Setenv("INFERD_UDS", "/nowhere")
	if got := runWith(t, "", "--config", config, "chat", "-p", "hi"); !strings.Contains(got.stderr, "/nowhere") {
		t.Errorf("%+v", got)
	}
}

// TestSessionKeepsTheConversation drives the loop of a terminal conversation
// over plain lines.
func TestSessionKeepsTheConversation(t *testing.T) {
	path, requests := answering(t, chatTokens+chatDone, chatFull, chatDone, chatDone)
	var stdout, stderr strings.Builder
	stdin := "first\nsecond\n/stats\nthi\\\nrd\n/nope\n/system be terse\nfourth\n/exit\nnever\n"
	a := newApp(strings.NewReader(stdin), &stdout, &stderr)
	s := &session{app: a, flags: &chatFlags{targetFlags: targetFlags{uds: path}}}
	defer s.close()
	if err := s.converse(t.Context()); err != nil {
		t.Fatal(err)
	}
	user := func(text string) string { return `{"role":"user","content":"` + text + `"}` }
	const assistant = `{"role":"assistant","content":"alpha beta"}`
	want := []string{
		user("first"),
		user("first") + "," + assistant + "," + user("second"),
		// The refused turn is not part of the conversation.
		user("first") + "," + assistant + "," + user(`thi\nrd`),
		`{"role":"system","content":"be terse"},` + user("fourth"),
	}
	for i, messages := range want {
		if got := <-requests; got != `{"messages":[`+messages+`]}` {
			t.Errorf("request %d\n got %s\nwant messages %s", i, got, messages)
		}
	}
	if got := stdout.String(); got != strings.Repeat("alpha beta\n", 3) {
		t.Errorf("stdout %q", got)
	}
	for _, piece := range []string{
		"queue full (try again in 1.5s)", "unknown command /nope", "1 prompt + 2 answer tokens",
	} {
		if !strings.Contains(stderr.String(), piece) {
			t.Errorf("stderr lacks %q:\n%s", piece, stderr.String())
		}
	}
}

// TestSessionDialsAgain: a lost connection costs one turn, not the conversation.
func TestSessionDialsAgain(t *testing.T) {
	calls := 0
	path := fakeSocket(t, func(r *bufio.Reader, conn net.Conn) {
		_, _ = r.ReadString('\n')
		if calls++; calls > 1 {
			_, _ = conn.Write([]byte(chatDone))
		}
	})
	var stdout, stderr strings.Builder
	a := newApp(strings.NewReader("one\ntwo\n"), &stdout, &stderr)
	s := &session{app: a, flags: &chatFlags{targetFlags: targetFlags{uds: path}}}
	defer s.close()
	if err := s.converse(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := stdout.String(); got != "alpha beta\n" {
		t.Errorf("stdout %q; stderr %q", got, stderr.String())
	}
}
