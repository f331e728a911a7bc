package main

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"testing"
)

// replying answers every command on a ready daemon's admin socket with reply.
func replying(t *testing.T, reply string) (path string, commands chan string) {
	commands = make(chan string, 1)
	return fakeSocket(t, func(r *bufio.Reader, conn net.Conn) {
		_, _ = conn.Write([]byte(eventCapabilities + eventReady))
		line, _ := r.ReadString('\n')
		commands <- strings.TrimSuffix(line, "\n")
		_, _ = conn.Write([]byte(reply + "\n"))
	}), commands
}

func TestCommands(t *testing.T) {
	f := func(args []string, wantCommand, reply, wantOut string) {
		t.Helper()
		path, commands := replying(t, reply)
		got := runWith(t, "", append(args, "--admin-addr", path)...)
		if command := <-commands; command != wantCommand {
			t.Errorf("%v sent %s, want %s", args, command, wantCommand)
		}
		if got.code != exitOK || got.stdout != wantOut {
			t.Errorf("%v: %+v\nwant stdout %q", args, got, wantOut)
		}
	}
	f([]string{"drain"}, `{"command":"drain","type":"command"}`,
		`{"type":"reply","id":"admin","command":"drain","ok":true}`, "draining\n")
	f([]string{"reload"}, `{"command":"reload","type":"command"}`,
		`{"type":"reply","id":"admin","command":"reload","ok":true}`, "reloaded\n")
	f([]string{"log-level", "debug"}, `{"command":"log_level","level":"debug","type":"command"}`,
		`{"type":"reply","id":"admin","command":"log_level","ok":true,"level":"debug"}`,
		"log level set level=debug\n")
	f([]string{"cancel", "17"}, `{"command":"cancel","conn":17,"type":"command"}`,
		`{"type":"reply","id":"admin","command":"cancel","ok":true,"conn":17}`, "cancelled conn=17\n")
	f([]string{"stats"}, `{"command":"stats","type":"command"}`,
		`{"type":"reply","id":"admin","command":"stats","ok":true,"stats":{"requests":{"done":3},"active":1}}`,
		"active         1\nrequests.done  3\n")
	f([]string{"connections"}, `{"command":"connections","type":"command"}`,
		`{"type":"reply","id":"admin","command":"connections","ok":true,`+
			`"closed":[{"id":1,"reason":"eof"}],"connections":[{"peer":"unix:0:7","id":2}]}`,
		"connections (1)\nID  PEER\n2   unix:0:7\n\nclosed (1)\nID  REASON\n1   eof\n")
}

func TestCommandRefused(t *testing.T) {
	path, _ := replying(t, `{"type":"reply","id":"admin","command":"reload","ok":false,`+
		`"error":"config.json:3: unknown key \"x\""}`)
	got := runWith(t, "", "reload", "--admin-addr", path)
	want := "error: reload: config.json:3: unknown key \"x\"\n"
	if got.code != exitError || got.stdout != "" || got.stderr != want {
		t.Errorf("%+v, want stderr %q", got, want)
	}
}

func TestArgumentsAreChecked(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		got := runWith(t, "", args...)
		if got.code != exitError || !strings.Contains(got.stderr, want) {
			t.Errorf("%v: %+v, want %q", args, got, want)
		}
	}
	f(`"loud" is none of: debug, info, warn, error, off`, "log-level", "loud")
	f("accepts 1 arg", "log-level")
	f(`no help for "nope"`, "help", "nope")
	f(`"r1" is not the id of a connection`, "cancel", "r1")
	f(`"0" is not the id of a connection`, "cancel", "0")
	f(`unknown command "now"`, "drain", "now")
	f(`unknown command "tcsh"`, "completion", "tcsh")
}

func TestHelpAndVersion(t *testing.T) {
	f := func(wantOut string, args ...string) {
		t.Helper()
		got := runWith(t, "", args...)
		if got.code != exitOK || !strings.Contains(got.stdout, wantOut) || got.stderr != "" {
			t.Errorf("%v: %+v, want %q on stdout", args, got, wantOut)
		}
	}
	f("inferdctl ", "--version")
	f("inferdctl ", "version")
	f("Exit codes:", "--help")
	f("ctrl-C stops the current answer", "chat", "--help")
	f("bash completion", "completion", "bash")
	f("Available Commands:", "completion")
}

// TestLostOutput: a command whose output went nowhere has failed, and says so
// once, whoever has found out.
func TestLostOutput(t *testing.T) {
	_, model, _ := home(t)
	must(t, "import", model)
	f := func(args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		code := run(t.Context(), newApp(strings.NewReader(""), fullDisk{}, &stderr), args)
		const want = "error: no space left on device\n"
		if code != exitError || stderr.String() != want {
			t.Errorf("%v: exit %d, stderr %q; want exit %d, %q", args, code, &stderr, exitError, want)
		}
	}
	chat := func(args ...string) {
		t.Helper()
		path, _ := answering(t, chatTokens+chatDone)
		f(append([]string{"chat", "-p", "hi", "--uds", path}, args...)...)
	}
	chat()
	chat("--json")
	operate := func(args ...string) {
		t.Helper()
		path, _ := replying(t, `{"type":"reply","id":"admin","command":"`+
			strings.ReplaceAll(args[0], "-", "_")+`","ok":true,"stats":{"n":1},`+
			`"connections":[{"id":1}]}`)
		f(append(args, "--admin-addr", path)...)
	}
	operate("status")
	operate("reload")
	operate("log-level", "debug")
	operate("stats")
	operate("connections")
	operate("connections", "--json")
	f("import", model, "--name", "other")
	f("list")
	f("list", "--json")
	f("verify")
	f("rm", "other")
	f("version")
	f("--version")
	f("--help")
	f("completion", "bash")
}
