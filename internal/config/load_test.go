package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// load runs Load with a made-up environment: HOME is a directory without a
// config file.
func load(t *testing.T, env map[string]string, args ...string) (*Config, error) {
	t.Helper()
	c, action, err := Load(args, lookupIn(t, env))
	if err == nil && action != ActionRun {
		t.Fatalf("Load(%q): action %v, want run", args, action)
	}
	return c, err
}

func lookupIn(t *testing.T, env map[string]string) func(string) string {
	home := t.TempDir()
	return func(k string) string {
		if v, ok := env[k]; ok {
			return v
		}
		if k == "HOME" {
			return home
		}
		return ""
	}
}

func mustLoad(t *testing.T, env map[string]string, args ...string) *Config {
	t.Helper()
	c, err := load(t, env, args...)
	if err != nil {
		t.Fatalf("Load(%q): %v", args, err)
	}
	return c
}

// wantUsage asserts that err is a usage error whose text has want in it.
func wantUsage(t *testing.T, what string, err error, want string) {
	t.Helper()
	if _, ok := errors.AsType[*UsageError](err); !ok {
		t.Errorf("%s: error %v is no UsageError", what, err)
		return
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error\n  %v\nlacks\n  %s", what, err, want)
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "/run/u"},
		"--lock", "/x/lock", "--tcp", "127.0.0.1:0")
	got := map[string]any{
		"permits": c.ActivePermits, "set": c.ActivePermitsSet, "depth": c.QueueDepth,
		"uds": c.UDS, "tcp": c.TCP, "lock": c.Lock, "admin": c.Admin,
		"v2": c.V2, "embed": c.Embed, "ready": c.ReadyTimeout, "write": c.WriteTimeout,
		"idle": c.IdleTimeout, "line": c.LineTimeout, "drain": c.DrainTimeout,
		"auth": c.AuthTimeout, "stall": c.StallTimeout, "pipeline": c.MaxPipelineBytes,
		"level": c.LogLevel, "logdir": c.LogDir, "models": c.ModelsHome, "pull": c.AutoPull,
		"isolation": c.EngineIsolation, "logmax": c.LogMaxBytes, "loggen": c.LogGenerations,
		"drop": c.Mock.DropAfter, "tokens": c.Mock.Tokens,
	}
	want := map[string]any{
		"permits": 1, "set": false, "depth": 10,
		"uds": "/run/u/inferd/infer.sock", "tcp": "127.0.0.1:0", "lock": "/x/lock",
		"admin": "/run/u/inferd/admin.sock",
		"v2":    false, "embed": false, "ready": 30 * time.Second, "write": time.Minute,
		"idle": time.Duration(0), "line": time.Minute, "drain": 8 * time.Second,
		"auth": 10 * time.Second, "stall": 5 * time.Second, "pipeline": int64(1 << 20),
		"level": "info", "logdir": "/h/.inferd/logs", "models": "/h/.local/share/models",
		"pull": true, "isolation": "process", "logmax": int64(16 << 20), "loggen": 3,
		"drop": -1, "tokens": -1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(c.Backends) != 1 || !c.Backends[0].Llama.BuiltIn || c.Backends[0].Name != "builtin" ||
		c.Backends[0].Llama.NCtx != 8192 {
		t.Errorf("backends = %+v, want the built-in model", c.Backends)
	}
}

func TestActions(t *testing.T) {
	f := func(want Action, args ...string) {
		t.Helper()
		_, got, err := Load(args, lookupIn(t, nil))
		if err != nil || got != want {
			t.Errorf("Load(%q) = action %v, error %v; want action %v", args, got, err, want)
		}
	}
	f(ActionRun)
	f(ActionHelp, "--help")
	f(ActionHelp, "-h")
	f(ActionHelp, "--queue-depth", "3", "--help")
	f(ActionVersion, "--version")
	f(ActionVersion, "--version", "--tcp", "127.0.0.1:0")
	f(ActionCheckConfig, "--check-config")
	f(ActionPrintConfig, "--print-config", "--backend=mock")
}

func TestPrecedence(t *testing.T) {
	path := writeFile(t, `{
  "queue_depth": 3,
  "write_timeout": "7s",
  "log_level": "warn"
}`)
	f := func(env map[string]string, args []string, wantDepth int, wantOrigin string) {
		t.Helper()
		c := mustLoad(t, env, append([]string{"--config", path}, args...)...)
		if c.QueueDepth != wantDepth || c.Origin("queue-depth").String() != wantOrigin {
			t.Errorf("depth = %d from %q, want %d from %q",
				c.QueueDepth, c.Origin("queue-depth"), wantDepth, wantOrigin)
		}
		if c.WriteTimeout != 7*time.Second || c.LogLevel != "warn" {
			t.Errorf("write timeout %v, log level %s; want those of the file",
				c.WriteTimeout, c.LogLevel)
		}
	}
	f(nil, nil, 3, "file "+path+":2")
	f(map[string]string{"INFERD_QUEUE_DEPTH": "4"}, nil, 4, "env INFERD_QUEUE_DEPTH")
	f(map[string]string{"INFERD_QUEUE_DEPTH": "4"}, []string{"--queue-depth=5"}, 5,
		"flag --queue-depth")
	f(map[string]string{"INFERD_QUEUE_DEPTH": ""}, nil, 3, "file "+path+":2")
	f(nil, []string{"--queue-depth", "5", "--queue-depth", "6"}, 6, "flag --queue-depth")

	c := mustLoad(t, nil)
	if got := c.Origin("queue-depth").String(); got != "default" {
		t.Errorf("origin = %q, want default", got)
	}
	// The config file itself can come from the environment.
	c = mustLoad(t, map[string]string{"INFERD_CONFIG": path})
	if c.QueueDepth != 3 || c.File != path {
		t.Errorf("depth %d, file %q", c.QueueDepth, c.File)
	}
}

func TestSpellings(t *testing.T) {
	secs := mustLoad(t, map[string]string{"INFERD_WRITE_TIMEOUT_SECS": "9"},
		"--ready-timeout-secs", "45", "--openai-timeout-secs=7", "--idle-timeout=off",
		"--line-timeout", "0", "--max-output-bytes", "64KiB", "--max-inbound-bytes=auto",
		"--auto-pull=false", "--allow-uid", "1,2", "--allow-uid=3", "--allow-gid", "7",
		"--v2", "--model-sha256", strings.Repeat("AB", 32), "--model-path", "~/m.gguf")
	home := secs.env("HOME")
	got := []any{
		secs.ReadyTimeout, secs.WriteTimeout, secs.OpenAI.Timeout, secs.IdleTimeout,
		secs.LineTimeout, secs.MaxOutputBytes, secs.MaxInboundBytes, secs.AutoPull,
		secs.AllowUIDs, secs.AllowGIDs, secs.V2, secs.Llama.ModelSHA256, secs.Llama.ModelPath,
		secs.Backends[0].Kind,
	}
	want := []any{
		45 * time.Second, 9 * time.Second, 7 * time.Second, time.Duration(0),
		time.Duration(0), int64(65536), int64(0), false,
		[]uint32{1, 2, 3},
		[]uint32{7},
		true, strings.Repeat("ab", 32), home + "/m.gguf",
		KindLlamaCpp,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	c := mustLoad(t, map[string]string{"INFERD_LOG": "0", "OPENAI_API_KEY": "k"})
	if c.LogLevel != "off" || c.OpenAI.APIKey != "k" {
		t.Errorf("log level %q, openai key %q", c.LogLevel, c.OpenAI.APIKey)
	}
	for text, want := range map[string]string{
		"inferd=debug,info": "info", "WARN, http=debug": "warn", "warning": "warn",
		"trace": "debug", "none": "off",
	} {
		c = mustLoad(t, map[string]string{"INFERD_LOG": text})
		if c.LogLevel != want {
			t.Errorf("INFERD_LOG=%s is level %q, want %q", text, c.LogLevel, want)
		}
	}
	c = mustLoad(t, map[string]string{"INFERD_OPENAI_API_KEY": "own", "OPENAI_API_KEY": "k"})
	if c.OpenAI.APIKey != "own" {
		t.Errorf("openai key %q, want that of INFERD_OPENAI_API_KEY", c.OpenAI.APIKey)
	}
}

func TestTransports(t *testing.T) {
	c := mustLoad(t, nil, "--uds", "none", "--tcp", "127.0.0.1:0")
	if c.UDS != "" {
		t.Errorf("uds = %q after none", c.UDS)
	}
	if c := mustLoad(t, map[string]string{"INFERD_TCP": "127.0.0.1:9"}, "--tcp", "off"); c.TCP != "" {
		t.Errorf("tcp = %q after off", c.TCP)
	}
	c = mustLoad(t, nil, "--uds", "/a/s", "--tcp", "[::1]:9")
	if c.UDS != "/a/s" || c.TCP != "[::1]:9" {
		t.Errorf("uds %q, tcp %q: both serve", c.UDS, c.TCP)
	}
	c = mustLoad(t, nil, "--v2", "--v2-tcp", "127.0.0.1:0")
	if c.V2TCP == "" || c.V2Addr != "" {
		t.Errorf("v2 addr %q, tcp %q", c.V2Addr, c.V2TCP)
	}
	c = mustLoad(t, map[string]string{"INFERD_V2_TCP": "127.0.0.1:5"}, "--v2", "--v2-addr", "/a/2")
	if c.V2TCP != "" || c.V2Addr != "/a/2" {
		t.Errorf("v2 addr %q, tcp %q: the flag wins", c.V2Addr, c.V2TCP)
	}
	c = mustLoad(t, map[string]string{"INFERD_API_KEY": "k"}, "--tcp", "0.0.0.0:0")
	if c.APIKey != "k" {
		t.Errorf("api key %q", c.APIKey)
	}
	c = mustLoad(t, nil, "--tcp", "0.0.0.0:0", "--allow-remote-tcp-without-key")
	if got := c.Warnings(); len(got) != 1 || !strings.Contains(got[0], "without an API key") {
		t.Errorf("warnings = %q", got)
	}
	path := filepath.Join(t.TempDir(), "c.json")
	file := `{"listen": {"tcp": "127.0.0.1:0", "api_key_env": "TCP_KEY"}}`
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	err := mustLoad(t, nil, "--config", path).CheckEndpoints() // the model store needs no key
	wantUsage(t, "a key that is not there", err, "TCP_KEY, which is to hold the TCP key")
	for length, fits := range map[int]bool{4000: true, 5000: false} {
		key := map[string]string{"TCP_KEY": strings.Repeat("k", length)}
		err := mustLoad(t, key, "--config", path).CheckEndpoints()
		if fits && err != nil {
			t.Errorf("key of %d bytes: %v", length, err)
		} else if !fits {
			wantUsage(t, "a key too long to send", err, "the TCP key (env TCP_KEY) is too long")
		}
	}
}

// TestCheckEndpoints: what is bound is looked at before anything is loaded.
func TestCheckEndpoints(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		err := mustLoad(t, nil, args...).CheckEndpoints()
		if want != "" {
			wantUsage(t, strings.Join(args, " "), err, want)
		} else if err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	long := "/" + strings.Repeat("u", 200)
	f("", "--uds", "/a/s")
	f("--uds: uds path has 201 bytes", "--uds", long)
	f("--admin-addr: uds path has 201 bytes", "--admin-addr", long)
	f("--v2-addr: uds path has 201 bytes", "--v2", "--v2-addr", long)
	f("", "--v2-addr", long)
	f("--group: group not found: no-such-group", "--group", "no-such-group")
	f("is not loopback and there is no API key", "--tcp", "192.0.2.1:80")
	f("", "--uds", "none", "--tcp", "127.0.0.1:0", "--group", "no-such-group")
}

// TestChosenKind: the strongest source says what is served, by name or by what it gives.
func TestChosenKind(t *testing.T) {
	f := func(want, file string, env map[string]string, args ...string) {
		t.Helper()
		if file != "" {
			args = append(args, "--config", writeFile(t, file))
		}
		c := mustLoad(t, env, args...)
		if got := c.Backends[0].Kind; len(c.Backends) != 1 || got != want {
			t.Errorf("file %s, env %v, args %q: %d backends, first %s; want %s",
				file, env, args, len(c.Backends), got, want)
		}
	}
	modelEnv := map[string]string{"INFERD_MODEL_PATH": "/m"}
	url := []string{"--openai-base-url", "http://h", "--openai-model", "m"}
	f(KindLlamaCpp, "", nil)
	f(KindLlamaCpp, "", nil, "--model-path", "/m")
	f(KindOpenAI, "", nil, url...)
	f(KindOpenAI, "", modelEnv, url...)
	f(KindOpenAI, `{"model_path": "/m"}`, nil, url...)
	f(KindLlamaCpp, `{"openai_base_url": "http://h", "openai_model": "m"}`, modelEnv)
	f(KindMock, "", modelEnv, append(url, "--backend", "mock")...)
	f(KindMock, `{"backend": "mock"}`, nil)
	f(KindMock, `{"backend": "mock", "model_path": "/m"}`, nil)
	f(KindLlamaCpp, `{"backend": "mock"}`, nil, "--model-path", "/m")
	f(KindLlamaCpp, `{"backend": "mock"}`, modelEnv)
	f(KindLlamaCpp, "", map[string]string{"INFERD_BACKEND": "mock"}, "--model-path", "/m")
	f(KindMock, `{"backends": [{"kind": "mock", "name": "a"}]}`, nil)
	f(KindLlamaCpp, `{"backends": [{"kind": "mock", "name": "a"}]}`, modelEnv)
}

// TestWithoutEffect: what describes a backend that is not served is warned of.
func TestWithoutEffect(t *testing.T) {
	f := func(want, file string, env map[string]string, args ...string) {
		t.Helper()
		if file != "" {
			args = append(args, "--config", writeFile(t, file))
		}
		var got []string
		for _, w := range mustLoad(t, env, args...).Warnings() {
			if strings.Contains(w, "no effect") {
				got = append(got, w)
			}
		}
		if all := strings.Join(got, "; "); all != want {
			t.Errorf("file %s, env %v, args %q: warnings %q, want %q", file, env, args, all, want)
		}
	}
	const backends = `"backends": [{"kind": "mock", "name": "a"}]`
	f("", "", nil, "--n-ctx", "512")
	f("", "", nil, "--backend", "mock", "--mock-tokens", "3", "--llama-threads", "1")
	f("", "", map[string]string{"OPENAI_API_KEY": "k"})
	f("openai-model (flag --openai-model) has no effect: a llamacpp backend is served",
		"", nil, "--openai-model", "m")
	f("mock-tokens (env INFERD_MOCK_TOKENS) has no effect: a llamacpp backend is served",
		"", map[string]string{"INFERD_MOCK_TOKENS": "3"})
	f("n-gpu-layers (flag --n-gpu-layers) has no effect: "+
		"the backends of the config file are served, by their own keys",
		"{"+backends+"}", nil, "--n-gpu-layers", "-1")
}

func TestUsageErrors(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := load(t, nil, args...)
		wantUsage(t, strings.Join(args, " "), err, want)
	}
	f("unknown flag: --frobnicate", "--frobnicate")
	f("flag needs an argument: --tcp", "--tcp")
	f(`unexpected argument "serve"`, "serve")
	f("bad tcp addr", "--tcp", "localhost:80")
	f("bad tcp addr", "--tcp", "127.0.0.1")
	f("bad tcp addr", "--tcp", "127.0.0.1:99999")
	f("--queue-depth: \"x\" is not a whole number", "--queue-depth", "x")
	f("--queue-depth: must be between 0 and", "--queue-depth", "-1")
	f("--n-ctx: must be between 1 and", "--n-ctx", "0")
	f("--write-timeout: \"5\" is not a duration", "--write-timeout", "5")
	f("--write-timeout: \"-5s\" is not a duration", "--write-timeout", "-5s")
	f("--ready-timeout: must be between", "--ready-timeout", "0s")
	f("--ready-timeout-secs: \"1.5\" is not a whole number of seconds",
		"--ready-timeout-secs", "1.5")
	f("--model-sha256: \"ab\" is not 64 hex digits", "--model-sha256", "ab")
	f("--model-sha256 needs --model-path", "--model-sha256", strings.Repeat("a", 64))
	f("--backend: \"ollama\" is none of: llamacpp, openai-compat, mock", "--backend", "ollama")
	f("--log-level: \"loud\" is none of", "--log-level", "loud")
	f("--log-level: \"http=debug,loud\" is none of", "--log-level", "http=debug,loud")
	f("--mock-error: \"x\" is none of", "--mock-error", "x")
	f("--max-output-bytes: must be between 4KiB and", "--max-output-bytes", "1")
	f("--max-output-bytes: \"3 bushels\" is not a size", "--max-output-bytes", "3 bushels")
	f("--allow-uid: \"bob\" is not a numeric id", "--allow-uid", "bob")
	f("--allow-uid: names nobody", "--allow-uid", "")
	f("--allow-gid: names nobody", "--allow-gid", " , ")
	f("--v2-addr and --v2-tcp are mutually exclusive",
		"--v2", "--v2-addr", "/a", "--v2-tcp", "127.0.0.1:0")
	f("--embed-addr and --embed-tcp are mutually exclusive",
		"--embed", "--embed-addr", "/a", "--embed-tcp", "127.0.0.1:0")
	f("no transport configured", "--uds", "none")
	f("--uds and --admin-addr are both /a/s", "--uds", "/a/s", "--admin-addr", "/a/./s")
	f("needs --openai-base-url", "--backend", "openai-compat")
	f("needs --openai-model", "--backend", "openai-compat", "--openai-base-url", "http://x")
	f("must be an http:// or https:// URL",
		"--backend", "openai-compat", "--openai-base-url", "ftp://x", "--openai-model", "m")
	f("must not contain a user",
		"--openai-base-url", "http://u:p@x", "--openai-model", "m")
	f("--model-path and --openai-base-url are mutually exclusive",
		"--model-path", "/m", "--openai-base-url", "http://x", "--openai-model", "m")
	f("is not loopback and metrics need no key", "--metrics-addr", "0.0.0.0:9")
	f("no such file", "--config", filepath.Join(t.TempDir(), "absent.json"))
	f("not a regular file", "--config", t.TempDir())

	_, err := load(t, map[string]string{"INFERD_QUEUE_DEPTH": "many"})
	wantUsage(t, "env", err, "INFERD_QUEUE_DEPTH: \"many\" is not a whole number")
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	const secret = "hunter2-very-secret"
	for _, args := range [][]string{
		{"--api-key", secret, "--tcp", "localhost:1"},
		{"--api-key", secret + "\x00"},
		{"--openai-api-key", secret, "--backend", "openai-compat"},
	} {
		_, err := load(t, nil, args...)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Load(%q) = %v; want an error without the key", args, err)
		}
	}
}

// TestEverySetting sets each row by flag, by variable and by file and finds the
// same value each time: a row that points at the wrong field fails here.
func TestEverySetting(t *testing.T) {
	fields := make(map[any]string)
	probe := new(Config)
	for i := range settings {
		s := &settings[i]
		if other, ok := fields[s.ptr(probe)]; ok {
			t.Errorf("%s and %s share a field", other, s.name)
		}
		fields[s.ptr(probe)] = s.name
		if s.help == "" || s.group == "" || strings.HasSuffix(s.help, ".") {
			t.Errorf("%s: help %q, group %q", s.name, s.help, s.group)
		}
		if s.name == "config" {
			continue
		}
		sample := map[kind]string{
			kindString: "text", kindPath: "/p/q", kindAddr: "127.0.0.1:7",
			kindSHA256: strings.Repeat("0a", 32), kindBool: "true", kindInt: "7",
			kindSize: "8MiB", kindDuration: "3s", kindIDs: "4,5",
		}[s.kind]
		if s.kind == kindEnum {
			sample = s.choices[len(s.choices)-1]
		}
		extra := []string{
			"--openai-base-url", "http://x", "--openai-model", "m", "--backend", "mock",
		}
		byFlag := mustLoad(t, nil, append(extra, "--"+s.name+"="+sample)...)
		byEnv := mustLoad(t, map[string]string{s.envName(): sample, "INFERD_BACKEND": "mock"})
		for how, c := range map[string]*Config{"flag": byFlag, "env": byEnv} {
			if got := s.text(c); got != sample {
				t.Errorf("%s by %s = %q, want %q", s.name, how, got, sample)
			}
			if got := c.Origin(s.name).String(); !strings.HasPrefix(got, how+" ") {
				t.Errorf("%s by %s has origin %q", s.name, how, got)
			}
		}
		if !s.inFile() {
			continue
		}
		value := `"` + sample + `"`
		if s.kind == kindBool || s.kind == kindInt {
			value = sample
		}
		path := writeFile(t, `{"`+s.key()+`": `+value+`}`)
		args := []string{"--config", path}
		if s.name != "backend" {
			args = append(args, "--backend=mock")
		}
		if got := s.text(mustLoad(t, nil, args...)); got != sample {
			t.Errorf("%s by file = %q, want %q", s.name, got, sample)
		}
	}
}
