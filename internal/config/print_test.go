package config

import (
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	path := writeFile(t, `{"write_timeout": "90s", "backends": [
  {"kind": "openai-compat", "name": "up", "base_url": "https://h/v1", "model": "m",
   "api_key_env": "UP_KEY"},
  {"kind": "llamacpp", "name": "l", "model": {"name": "g", "sha256": "`+goodSHA+`",
   "source_url": "https://u:pw-secret@h/x?sig=query-secret"}}]}`)
	c := mustLoad(t, map[string]string{
		"INFERD_QUEUE_DEPTH": "4", "UP_KEY": "upstream-secret", "INFERD_API_KEY": "door-secret",
	}, "--config", path, "--active-permits", "2", "--tcp=127.0.0.1:0")
	var b strings.Builder
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for _, want := range []string{
		"active_permits = 2                 # flag --active-permits\n",
		"queue_depth = 4                    # env INFERD_QUEUE_DEPTH\n",
		`write_timeout = "1m30s"            # file ` + path + ":1\n",
		"log_level = \"info\"                 # default\n",
		"max_connections = 0                # default: from the descriptor limit and memory\n",
		`api_key = "********"               # env INFERD_API_KEY`,
		`backends[0] = {"api_key":"********","api_key_env":"UP_KEY","base_url":"https://h/v1"`,
		`"source_url":"https://%2A%2A%2A%2A%2A%2A%2A%2A@h/x?..."`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "secret") {
		t.Errorf("shows a secret:\n%s", out)
	}
	if got, want := strings.Count(out, "\n"), len(settings)+2; got != want {
		t.Errorf("%d lines, want one for each of %d settings and backends", got, want)
	}
}

func TestHelp(t *testing.T) {
	var b strings.Builder
	if err := WriteHelp(&b); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	for i := range settings {
		if n := strings.Count(out, "\n  --"+settings[i].name+"\n") +
			strings.Count(out, "\n  --"+settings[i].name+" "); n != 1 {
			t.Errorf("--%s stands %d times in the help", settings[i].name, n)
		}
	}
	for _, g := range groups {
		if !strings.Contains(out, "\n"+g+":\n") {
			t.Errorf("no group %s", g)
		}
	}
	for line := range strings.SplitSeq(out, "\n") {
		if len(line) > helpColumns {
			t.Errorf("line of %d columns: %s", len(line), line)
		}
	}
}

func TestRows(t *testing.T) {
	rows := Rows()
	if len(rows) != len(settings) {
		t.Errorf("%d rows, want %d: a group is missing in groups", len(rows), len(settings))
	}
	var b strings.Builder
	if err := WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if !strings.Contains(b.String(), "| `--"+r.Flag) {
			t.Errorf("--%s is not in the table", r.Flag)
		}
		if r.Secret && r.Key != "" {
			t.Errorf("secret %s has a key in the file", r.Flag)
		}
	}
}

func TestFormatRoundTrip(t *testing.T) {
	f := func(kind kind, in, want string) {
		t.Helper()
		s := &setting{name: "x", kind: kind, max: 1 << 62, ptr: func(c *Config) any {
			if kind == kindSize {
				return &c.MaxOutputBytes
			}
			return &c.WriteTimeout
		}}
		c := &Config{}
		if err := s.assign(c, in); err != nil {
			t.Errorf("%q: %v", in, err)
			return
		}
		text := s.text(c)
		if text != want {
			t.Errorf("%q shows as %q, want %q", in, text, want)
		}
		again := &Config{}
		if err := s.assign(again, text); err != nil || s.text(again) != text {
			t.Errorf("%q does not read back: %v", text, err)
		}
	}
	f(kindSize, "0", "0")
	f(kindSize, "auto", "0")
	f(kindSize, "1000", "1000")
	f(kindSize, "1kB", "1000")
	f(kindSize, "1024", "1KiB")
	f(kindSize, "3 MiB", "3MiB")
	f(kindSize, "1536KiB", "1536KiB")
	f(kindSize, "2GiB", "2GiB")
	f(kindSize, "12B", "12")
	f(kindDuration, "off", "0s")
	f(kindDuration, "60s", "1m")
	f(kindDuration, "90s", "1m30s")
	f(kindDuration, "3600s", "1h")
	f(kindDuration, "10s", "10s")
	f(kindDuration, "1h30s", "1h0m30s")
	f(kindDuration, "100ms", "100ms")
	f(kindDuration, "10m", "10m")
	f(kindDuration, "20h", "20h")
}
