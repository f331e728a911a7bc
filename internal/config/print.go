package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// mask stands for any secret that is set; its length says nothing.
const mask = "********"

// Print writes the effective value of every setting and where it came from, one
// a line, secrets masked.
func (c *Config) Print(w io.Writer) error {
	var b strings.Builder
	for i := range settings {
		s := &settings[i]
		from := c.origins[s.name].String()
		if s.show != "" && !c.isSet(s.name) {
			from += ": " + s.show
		}
		fmt.Fprintf(&b, "%-34s # %s\n", s.key()+" = "+s.display(c), from)
	}
	for i := range c.Backends {
		fmt.Fprintf(&b, "backends[%d] = %s\n", i, c.Backends[i].display())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// display is the effective value as JSON would write it, masked if secret.
func (s *setting) display(c *Config) string {
	text := s.masked(c)
	if s.kind == kindBool || s.kind == kindInt {
		return text
	}
	return strconv.Quote(text)
}

// masked is the effective value as a user would write it, without secrets.
func (s *setting) masked(c *Config) string {
	text := s.text(c)
	switch {
	case s.name == "uds" && text == "":
		return noUDS
	case s.secret && text != "":
		return mask
	case s.name == "openai-base-url":
		return safeURL(text)
	}
	return text
}

// display is the entry as one line of JSON with the keys of the file, secrets
// masked.
func (b *Backend) display() string {
	m := map[string]any{"kind": b.Kind, "name": b.Name}
	put := func(key string, v any, given bool) {
		if given {
			m[key] = v
		}
	}
	put("weight", b.Weight, b.Weight > 0)
	switch b.Kind {
	case KindLlamaCpp:
		b.Llama.describe(put)
	case KindOpenAI:
		b.OpenAI.describe(put)
	case KindMock:
		k := &b.Mock
		put("tokens", k.Tokens, k.Tokens >= 0)
		put("token_delay", formatDuration(k.TokenDelay), k.TokenDelay > 0)
		put("token_bytes", k.TokenBytes, k.TokenBytes > 0)
		put("drop_after", k.DropAfter, k.DropAfter >= 0)
		put("error", k.Error, k.Error != "")
		put("ready_after", formatDuration(k.ReadyAfter), k.ReadyAfter > 0)
	}
	text, err := json.Marshal(m)
	if err != nil { // only strings and numbers: cannot happen
		return "{}"
	}
	return string(text)
}

func (l *Llama) describe(put func(string, any, bool)) {
	put("built_in", true, l.BuiltIn)
	put("model_path", l.ModelPath, l.ModelPath != "")
	put("model_sha256", l.ModelSHA256, l.ModelSHA256 != "")
	put("model", l.Model.Name, l.Model.Name != "")
	put("source_url", safeURL(l.Model.SourceURL), l.Model.SourceURL != "")
	put("n_ctx", l.NCtx, true)
	put("n_gpu_layers", l.NGPULayers, true)
	put("chat_template", l.ChatTemplate, l.ChatTemplate != "")
	put("embed", true, l.Embed)
	put("embed_n_ctx", l.EmbedNCtx, l.Embed)
	put("embed_pooling", l.EmbedPooling, l.EmbedPooling != "")
}

func (a *OpenAI) describe(put func(string, any, bool)) {
	put("base_url", safeURL(a.BaseURL), true)
	put("model", a.Model, true)
	put("api_key", mask, a.APIKey != "")
	put("api_key_env", a.APIKeyEnv, a.APIKeyEnv != "")
	put("timeout", formatDuration(a.Timeout), true)
	put("connect_timeout", formatDuration(a.ConnectTimeout), true)
	put("first_token_timeout", formatDuration(a.FirstTokenTimeout), true)
	put("idle_timeout", formatDuration(a.IdleTimeout), true)
	put("pass_top_k", true, a.PassTopK)
	put("pass_grammar", true, a.PassGrammar)
	put("embed", true, a.Embed)
	put("probe_interval", formatDuration(a.ProbeInterval), a.ProbeInterval > 0)
	put("probe_path", a.ProbePath, a.ProbePath != "")
}

// safeURL leaves out of a URL what may be a secret: the user's part and the
// query, where signed download links carry their signature.
func safeURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(unreadable)"
	}
	if u.User != nil {
		u.User = url.User(mask)
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	u.Fragment = ""
	return u.String()
}
