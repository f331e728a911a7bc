package perimeter

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"inferd/tests/harness"
)

// inferd runs the binary to its end, with a home of its own.
func inferd(t *testing.T, dir string, env []string, args ...string) (code int, out, errs string) {
	t.Helper()
	cmd := exec.Command(harness.Binary(t, "inferd"), args...)
	cmd.Env = append([]string{"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, noRaceSleep}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

const mockList = `"backends":[{"kind":"mock","name":"m"}]`

// TestConfig_StrictErrors: each mistake ends with code 2 and names file, line
// and key.
func TestConfig_StrictErrors(t *testing.T) {
	t.Parallel()
	f := func(name, text string, words ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := harness.Dir(t)
			path := in(dir, "c.json")
			write(t, path, text)
			for _, args := range [][]string{
				{"--config", path}, {"--config", path, "--check-config"},
			} {
				code, _, stderr := inferd(t, dir, nil, args...)
				refused(t, 2, code, stderr, append(words, path)...)
			}
		})
	}
	f("not JSON", "{\n  nonsense\n}", ":2")
	f("cut off", `{"backends":[`, ":1")
	f("not an object", `[1]`, ":1")
	f("unknown key", "{\n\"no_such_key\": 1,\n"+mockList+"}", ":2", "no_such_key")
	f("wrong type", "{"+mockList+",\n\"queue_depth\": \"many\"}", ":2", "queue_depth")
	f("negative", "{"+mockList+",\n\n\"queue_depth\": -1}", ":3", "queue_depth")
	f("fraction", "{"+mockList+",\n\"active_permits\": 1.5}", ":2", "active_permits")
	f("bad duration", "{"+mockList+",\n\"idle_timeout\": \"soon\"}", ":2", "idle_timeout")
	f("key twice", "{"+mockList+",\n\"queue_depth\": 1,\n\"queue_depth\": 2}", ":3", "queue_depth")
	f("name twice", `{"backends":[{"kind":"mock","name":"m"},`+"\n"+
		`{"kind":"mock","name":"m"}]}`, ":2", `"m"`)
	f("no name", `{"backends":[{"kind":"mock","name":""}]}`, ":1", "name")
	f("unknown kind", `{"backends":[{"kind":"gpt","name":"m"}]}`, ":1", "kind",
		"llamacpp", "openai-compat")
	f("no backends", `{"backends":[]}`, ":1", "backends")
	f("upstream without URL", `{"backends":[{"kind":"openai-compat","name":"u","model":"x"}]}`,
		":1", "base_url")
	f("upstream of another scheme", `{"backends":[{"kind":"openai-compat","name":"u",`+
		`"base_url":"ftp://x","model":"x"}]}`, ":1", "base_url")
	f("text behind the end", "{"+mockList+"}\n{}", ":2")
}

// TestConfig_UsageErrors: the command line and the environment are as strict.
func TestConfig_UsageErrors(t *testing.T) {
	t.Parallel()
	f := func(env string, args []string, words ...string) {
		t.Helper()
		var vars []string
		if env != "" {
			vars = []string{env}
		}
		code, _, stderr := inferd(t, harness.Dir(t), vars, args...)
		refused(t, 2, code, stderr, words...)
	}
	mock := func(more ...string) []string { return append([]string{"--backend", "mock"}, more...) }
	f("", mock("--no-such-flag"), "no-such-flag")
	f("", mock("argument"), "argument")
	f("", mock("--queue-depth", "x"), "queue-depth")
	f("", mock("--tcp", "localhost:1"), "ip:port")
	f("", mock("--tcp", "127.0.0.1"), "ip:port")
	f("", mock("--uds", "none"), "--tcp")
	f("", mock("--uds", "/tmp/"+strings.Repeat("u", 200)), "--uds", "choose a shorter one")
	f("", []string{"--backend", "nonsense"}, "backend")
	f("INFERD_QUEUE_DEPTH=x", mock(), "INFERD_QUEUE_DEPTH")
	f("", mock("--config", "/nonexistent/c.json"), "/nonexistent/c.json")
	f("", mock("--model-sha256", "abc"), "sha256")
}

func TestConfig_CheckConfig(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	path := in(dir, "c.json")
	write(t, path, "{"+mockList+"}")
	code, out, stderr := inferd(t, dir, nil, "--config", path, "--check-config")
	if code != 0 || !strings.Contains(out, path) || stderr != "" {
		t.Errorf("code %d, %q, %q", code, out, stderr)
	}
	if !absent(in(dir, "inferd")) || !absent(in(dir, ".inferd")) {
		t.Error("checking made files")
	}
}

// TestConfig_Precedence: flag before environment before file before default,
// and --print-config says which it was.
func TestConfig_Precedence(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	path := in(dir, "c.json")
	write(t, path, "{\n"+mockList+",\n\"queue_depth\": 3\n}")
	f := func(env []string, args []string, setting, value, origin string) {
		t.Helper()
		code, out, stderr := inferd(t, dir, env,
			append([]string{"--config", path, "--print-config"}, args...)...)
		if code != 0 {
			t.Fatalf("code %d: %s", code, stderr)
		}
		line := regexp.MustCompile(`(?m)^` + setting + ` = (\S+)\s+# (.*)$`).FindStringSubmatch(out)
		if line == nil {
			t.Fatalf("no %s in %s", setting, out)
		}
		if line[1] != value || !strings.Contains(line[2], origin) {
			t.Errorf("%s is %s from %s, want %s from %s", setting, line[1], line[2], value, origin)
		}
	}
	env := []string{"INFERD_QUEUE_DEPTH=4"}
	f(env, []string{"--queue-depth", "5"}, "queue_depth", "5", "flag")
	f(env, nil, "queue_depth", "4", "INFERD_QUEUE_DEPTH")
	f(nil, nil, "queue_depth", "3", path+":3")
	f(nil, nil, "active_permits", "1", "default")
	f(nil, []string{"--write-timeout-secs", "7"}, "write_timeout", `"7s"`, "flag")
	f([]string{"INFERD_WRITE_TIMEOUT_SECS=9"}, nil, "write_timeout", `"9s"`, "WRITE_TIMEOUT_SECS")
}

// TestRow22_PrintConfigMasksSecrets: whatever the source, no secret is shown.
func TestRow22_PrintConfigMasksSecrets(t *testing.T) {
	t.Parallel()
	dir := harness.Dir(t)
	path := in(dir, "c.json")
	write(t, path, `{"backends":[{"kind":"openai-compat","name":"u","model":"x",`+
		`"base_url":"http://127.0.0.1:1","api_key_env":"UP_KEY"}],`+
		`"listen":{"tcp":"127.0.0.1:0","api_key_env":"TCP_KEY"}}`)
	code, out, stderr := inferd(t, dir, []string{"UP_KEY=up-secret-1", "TCP_KEY=tcp-secret-2"},
		"--config", path, "--print-config")
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	for _, secret := range []string{"up-secret-1", "tcp-secret-2"} {
		if strings.Contains(out+stderr, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	// A URL that carries a password is refused, without quoting it.
	write(t, path, `{"backends":[{"kind":"openai-compat","name":"u","model":"x",`+
		`"base_url":"http://user:hunter2hunter2@127.0.0.1:1"}]}`)
	code, out, stderr = inferd(t, dir, nil, "--config", path, "--print-config")
	if code != 2 || strings.Contains(out+stderr, "hunter2") {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
	code, out, stderr = inferd(t, dir, nil, "--backend", "openai-compat", "--openai-base-url",
		"http://127.0.0.1:1", "--openai-model", "x", "--openai-api-key", "flag-secret-3",
		"--tcp", "127.0.0.1:0", "--api-key", "flag-secret-4", "--print-config")
	if code != 0 || strings.Contains(out, "flag-secret") || !strings.Contains(out, "api_key") {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
}

// TestRow21_RemoteTCPWithoutKey is refused unless the operator insists, and a
// loopback address without a key is warned about.
func TestRow21_RemoteTCPWithoutKey(t *testing.T) {
	t.Parallel()
	code, stderr := harness.StartExpectExit(t, "--backend", "mock", "--tcp", "0.0.0.0:0")
	refused(t, 2, code, stderr, "0.0.0.0:0", "INFERD_API_KEY", "--allow-remote-tcp-without-key")
	for _, more := range [][]string{
		{"--tcp", "0.0.0.0:0", "--api-key", "k"},
		{"--tcp", "0.0.0.0:0", "--allow-remote-tcp-without-key"},
	} {
		d := harness.StartMock(t, more...)
		d.Stop(t)
	}
	d := harness.StartMock(t, "--tcp", "127.0.0.1:0")
	d.AwaitLog(t, "without an API key")
}

// noRaceSleep spares the second that the race detector waits for at the end of
// a process.
const noRaceSleep = "GORACE=atexit_sleep_ms=10"
