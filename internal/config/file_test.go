package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goodSHA = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const fullFile = `{
  "models_home": "~/models",
  "auto_pull": false,
  "active_permits": 2,
  "write_timeout": "45s",
  "idle_timeout_secs": 90,
  "allow_uid": [1000, 1001],
  "max_output_bytes": 1048576,
  "backends": [
    {"kind": "llamacpp", "name": "local",
     "model": {"name": "gemma-4-e4b", "sha256": "` + goodSHA + `", "size_bytes": 5126304928,
               "source_url": "https://models.example/g.gguf", "license": "gemma"},
     "n_ctx": 4096, "n_gpu_layers": -1},
    {"kind": "openai-compat", "name": "fallback", "base_url": "https://llm.example",
     "model": "some-model", "api_key_env": "LLM_KEY", "timeout_secs": 20, "weight": 3},
    {"kind": "mock", "name": "m", "tokens": 3, "token_delay": "5ms"}
  ],
  "listen": {"tcp": "127.0.0.1:47321", "tcp_v2": "127.0.0.1:47322", "api_key_env": "TCP_KEY"}
}`

func TestFullFile(t *testing.T) {
	path := writeFile(t, fullFile)
	c := mustLoad(t, map[string]string{
		"HOME": "/h", "LLM_KEY": "upstream", "TCP_KEY": "door",
	}, "--config", path)
	want := []Backend{
		{Kind: KindLlamaCpp, Name: "local", Llama: Llama{
			Model: Model{
				Name: "gemma-4-e4b", SHA256: goodSHA, SizeBytes: 5126304928,
				SourceURL: "https://models.example/g.gguf", License: "gemma",
			},
			NCtx: 4096, NGPULayers: -1, EmbedNCtx: 2048,
		}},
		{Kind: KindOpenAI, Name: "fallback", Weight: 3, OpenAI: OpenAI{
			BaseURL: "https://llm.example", Model: "some-model", APIKeyEnv: "LLM_KEY",
			APIKey: "upstream", Timeout: 20 * time.Second, ConnectTimeout: 10 * time.Second,
			FirstTokenTimeout: 2 * time.Minute, IdleTimeout: time.Minute,
		}},
		{Kind: KindMock, Name: "m", Mock: Mock{
			Tokens: 3, TokenDelay: 5 * time.Millisecond, DropAfter: -1,
		}},
	}
	if d := cmp.Diff(want, c.Backends); d != "" {
		t.Errorf("backends (-want +got):\n%s", d)
	}
	got := []any{
		c.ModelsHome, c.AutoPull, c.ActivePermits, c.ActivePermitsSet, c.WriteTimeout,
		c.IdleTimeout, c.AllowUIDs, c.MaxOutputBytes, c.TCP, c.V2TCP, c.APIKey,
		c.Origin("tcp").String(), c.Origin("api-key").String(), c.Origin("idle-timeout").String(),
	}
	wantSettings := []any{
		"/h/models", false, 2, true, 45 * time.Second,
		90 * time.Second,
		[]uint32{1000, 1001},
		int64(1 << 20), "127.0.0.1:47321",
		"127.0.0.1:47322", "door",
		"file " + path + ":18", "env TCP_KEY", "file " + path + ":6",
	}
	if d := cmp.Diff(wantSettings, got); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
}

func TestWhatIsServed(t *testing.T) {
	legacy := writeFile(t, `{"n_ctx": 1024, "model": {"name": "m1", "sha256": "`+goodSHA+`"}}`)
	list := writeFile(t,
		`{"backends": [{"kind": "mock", "name": "a"}, {"kind": "mock", "name": "b"}]}`)
	plain := writeFile(t, `{"queue_depth": 2}`)
	f := func(want string, args ...string) {
		t.Helper()
		c := mustLoad(t, nil, args...)
		var got []string
		for _, b := range c.Backends {
			got = append(got, b.Kind+":"+b.Name)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("Load(%q) serves %q, want %q", args, g, want)
		}
	}
	f("llamacpp:builtin")
	f("llamacpp:builtin", "--config", plain)
	f("llamacpp:m1", "--config", legacy)
	f("mock:a mock:b", "--config", list)
	f("mock:mock", "--config", list, "--backend", "mock")
	f("llamacpp:llamacpp", "--config", list, "--model-path", "/m.gguf")
	f("llamacpp:builtin", "--config", list, "--backend", "llamacpp")
	f("openai-compat:openai-compat", "--openai-base-url", "http://h/v1", "--openai-model", "m")

	c := mustLoad(t, nil, "--config", legacy)
	l := c.Backends[0].Llama
	if l.NCtx != 1024 || l.BuiltIn || l.Model.Name != "m1" || l.Embed {
		t.Errorf("promoted model = %+v", l)
	}
}

func TestFileErrors(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, err := parseFile("/c.json", []byte(text))
		if err == nil {
			t.Errorf("parseFile(%s) accepted, want %q", text, want)
			return
		}
		for _, w := range want {
			wantUsage(t, text, err, w)
		}
	}
	model := `"model": {"name": "m", "sha256": "` + goodSHA + `"}`
	entry := func(rest string) string {
		return "{\"backends\": [\n{\"kind\": \"llamacpp\", \"name\": \"x\",\n" + rest + "}]}"
	}
	openai := func(rest string) string {
		return "{\"backends\": [\n{\"kind\": \"openai-compat\", \"name\": \"x\",\n" + rest + "}]}"
	}

	// Syntax.
	f("", "config /c.json:1: not valid JSON")
	f("{\n\"a\": 1,\n}", "config /c.json:3: not valid JSON")
	f("{}\n{}", "config /c.json:2: not valid JSON")
	f("[]", "config /c.json:1: want an object, got an array")
	f("null", "want an object, got null")
	f("{\n\"queue_depth\": 1,\n\"queue_depth\": 2}",
		"config /c.json:3: queue_depth: duplicate key; the first is on line 2")
	f(strings.Repeat("[", 40)+strings.Repeat("]", 40), "nested deeper than 16 levels")

	// Strings that would become others.
	f("{\n\"uds\": \"/\xff\"}", "config /c.json:2: not valid UTF-8")
	f("{\"\xed\xa0\x80\": 1}", "not valid UTF-8")
	f("{\n\"uds\": \"/\\ud83d\"}", "config /c.json:2: not valid UTF-8")
	f(`{"uds": "/\ude00\ud83d"}`, "not valid UTF-8")
	f(`{"uds": "/\ud83d\u0041"}`, "not valid UTF-8")
	f(`{"uds": "/\ud83d\\ude00"}`, "not valid UTF-8")

	// Unknown keys, with what is allowed.
	f("{\n\"queue_dept\": 1}", "config /c.json:2: queue_dept: unknown key; allowed: ",
		"queue_depth", "write_timeout_secs", "listen", "backends")
	f(entry(model+",\n\"n_ctxx\": 1"), "config /c.json:4: backends[0].n_ctxx: unknown key; "+
		"allowed: chat_template, embed, embed_n_ctx, embed_pooling, kind, model, model_path, "+
		"model_sha256, n_ctx, n_gpu_layers, name, weight")
	f(`{"listen": {"udp": "x"}}`, "listen.udp: unknown key; allowed: api_key_env, tcp, "+
		"tcp_embed, tcp_v2")
	f(entry(`"model": {"name": "m", "sha": ""}`), "backends[0].model.sha: unknown key")
	f(`{"api_key": "x"}`, "api_key: no secret may stand in this file")
	f(openai(`"base_url": "http://h", "model": "m", "api_key": "s"`), "no secret may stand")
	f("{\"tab\\tkey\": 1}", `"tab\tkey": unknown key`)

	// Types.
	f(`{"queue_depth": "3"}`, "queue_depth: want a whole number, got a string")
	f(`{"queue_depth": 3.5}`, `queue_depth: "3.5" is not a whole number`)
	f(`{"queue_depth": -3}`, "queue_depth: must be between 0 and")
	f(`{"v2": 1}`, "v2: want true or false, got a number")
	f(`{"write_timeout": 60}`, "write_timeout: want a duration such as")
	f(`{"write_timeout_secs": "60"}`, "write_timeout_secs: want a whole number, got a string")
	f(`{"write_timeout": "1s", "write_timeout_secs": 60}`, "write_timeout is given too")
	f(`{"ready_timeout_secs": 0}`, "ready_timeout_secs: must be between")
	f(`{"log_level": "loud"}`, "log_level: \"loud\" is none of: debug, info")
	f(`{"tcp": ["x"]}`, "tcp: want a literal ip:port")
	f(`{"allow_uid": ["x"]}`, "allow_uid: want a list of ids")
	f(`{"backends": {}}`, "backends: want an array, got an object")
	f(`{"backends": [7]}`, "backends[0]: want an object, got a number")
	f(`{"model": "m"}`, "model: want an object, got a string")

	// What belongs together.
	f(`{`+model+`, "backends": [{"kind": "mock", "name": "m"}]}`, "mutually exclusive")
	f(`{"backend": "mock", "backends": [{"kind": "mock", "name": "m"}]}`, "mutually exclusive")
	f(`{"backends": []}`, "backends: must not be empty")
	mock := `{"kind": "mock", "name": "m"}`
	f(`{"backends": [`+mock+",\n"+mock+`]}`,
		"config /c.json:2: backends[1].name: duplicate name \"m\"")
	f(`{"backends": [{"kind": "mock", "name": " "}]}`, "backends[0].name: must not be empty")
	f(`{"backends": [{"kind": "mock", "name": "a b"},`+"\n"+`{"kind": "mock", "name": "a\tb"}]}`,
		`config /c.json:2: backends[1].name: "a\tb" contains a control character`)
	f(`{"backends": [{"kind": "mock", "name": "a\u0085"}]}`, `"a\u0085" contains a control`)
	f(`{"backends": [{"kind": "mock", "name": "`+strings.Repeat("n", 129)+`"}]}`,
		"backends[0].name: longer than 128 bytes")
	f(`{"backends": [{"name": "m"}]}`, "backends[0].kind: must not be empty")
	f(`{"backends": [{"kind": "bedrock-invoke", "name": "m", "region": "r"}]}`,
		`"bedrock-invoke" is not supported by this build; allowed: llamacpp, openai-compat, mock`)
	f(entry(model+`, "n_ctx": 0`), "backends[0].n_ctx: must be between 1 and")
	f(entry(model+`, "embed_n_ctx": 0`), "backends[0].embed_n_ctx: must be between 1 and")
	f(entry(`"n_ctx": 1`), "backends[0].model: must be given")
	f(entry(model+`, "model_path": "/x"`), "model is given too")
	f(entry(`"model": {"name": "", "sha256": "`+goodSHA+`"}`), "model.name: must not be empty")
	f(entry(`"model": {"name": "../x", "sha256": "`+goodSHA+`"}`), "model.name: bad model name")
	f(entry(`"model": {"name": "m", "sha256": "abc"}`), "sha256: want 64 lower-case hex digits")
	f(entry(`"model": {"name": "m", "sha256": "`+strings.ToUpper(goodSHA)+`"}`), "lower-case hex")
	f(entry(`"model": {"name": "m", "sha256": "`+goodSHA+`", "source_url": "http://x"}`),
		"source_url: must start with https://")
	f(openai(`"base_url": " ", "model": "m"`), "base_url: must not be empty")
	f(openai(`"base_url": "h:1", "model": "m"`), "base_url: must be an http:// or https:// URL")
	f(openai(`"base_url": "http://h", "model": " "`), "model: must not be empty")
	f(openai(`"base_url": "http://h", "model": "m", "timeout_secs": 0`),
		"timeout_secs: must be between")
	f(openai(`"base_url": "http://h", "model": "m", "api_key_env": ""`), "api_key_env: must not")
	f(`{"listen": {"tcp": ""}}`, "listen.tcp: must not be empty")
	f(`{"listen": {"tcp": "host:1"}}`, "listen.tcp: bad tcp addr")
	f(`{"listen": {"api_key_env": ""}}`, "listen.api_key_env: must not be empty")
	f(`{"tcp": "127.0.0.1:1", "listen": {"tcp": "127.0.0.1:2"}}`, "tcp is given too")

	// Everything wrong is reported at once, in the order of the lines.
	_, err := parseFile("/c.json", []byte("{\n\"queue_depth\": -1,\n\"nope\": 1,\n\"v2\": 2}"))
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		lines = append(lines, strings.Join(strings.SplitN(line, " ", 3)[:2], " "))
	}
	want := []string{"config /c.json:2:", "config /c.json:3:", "config /c.json:4:"}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestFileText: characters of any kind, however they are written, arrive.
func TestFileText(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		c, err := parseFile("/c.json", []byte(`{"uds": "`+text+`"}`))
		if err != nil || c.values["uds"].text != want {
			t.Errorf("%s: %+v, %v; want %q", text, c, err, want)
		}
	}
	f("/ünï/😀", "/ünï/😀")
	f(`/\u00fc\ud83d\uDE00`, "/ü😀")
	f("/\ufffd", "/\ufffd")
	f(`/\ufffd`, "/\ufffd")
	f(`/\\ud83d`, `/\ud83d`)
	f(`/\\\"`, `/\"`)
}

// FuzzParseFile looks for crashes, for errors without a line, and for a
// document that encoding/json would refuse.
func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{
		fullFile, `{}`, `{"model":{"name":"m","sha256":"` + goodSHA + `"}}`, `[1,{"a":[]}]`,
		"{\"a\":1,\n\"a\":2}", `{"listen":{"tcp":"127.0.0.1:1"}}`, `{"allow_uid":[1,2]}`, `{"a":1}x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseFile("/c", data)
		if err == nil {
			for _, g := range c.values {
				if g.origin.Source != FromFile || g.origin.Detail == "" {
					t.Fatalf("value without a place: %+v", g)
				}
			}
			return
		}
		if _, ok := errors.AsType[*UsageError](err); !ok {
			t.Fatalf("error of type %T", err)
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "config /c:") && !strings.HasPrefix(line, "and ") {
				t.Fatalf("problem without file and line: %q", line)
			}
		}
	})
}

// TestUnknownKeysListOnce: the list of what is allowed must not push the other
// problems out of sight.
func TestUnknownKeysListOnce(t *testing.T) {
	_, err := parseFile("/c.json", []byte("{\n\"c\": 1,\n\"a\": 1, \"b\": 1,\n\"queue_depth\": -1,\n"+
		`"listen": {"x": 1, "y": 2}}`))
	var lines []string
	for line := range strings.Lines(err.Error()) {
		text, _, list := strings.Cut(strings.TrimSpace(line), "; allowed: ")
		lines = append(lines, fmt.Sprint(text, " ", list))
	}
	want := []string{
		"config /c.json:2: c: unknown key true",
		"config /c.json:3: a: unknown key false",
		"config /c.json:3: b: unknown key false",
		"config /c.json:4: queue_depth: must be between 0 and 1048576 false",
		"config /c.json:5: listen.x: unknown key true",
		"config /c.json:5: listen.y: unknown key false",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}
