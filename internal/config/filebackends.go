package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// readBackends reads the ordered list.
func readBackends(root *object, n *node) []Backend {
	switch {
	case !n.isArr:
		root.mismatch("backends", "an array", n)
		return nil
	case len(n.items) == 0:
		root.fail("backends", "must not be empty")
	case len(n.items) > maxBackends:
		root.fail("backends", "has %d entries, at most %d are allowed", len(n.items), maxBackends)
		return nil
	}
	var list []Backend
	for i, item := range n.items {
		o := objectOf(item, "backends["+strconv.Itoa(i)+"].", root.rep)
		b := readBackend(o)
		if slices.ContainsFunc(list, func(a Backend) bool { return a.Name == b.Name && a.Name != "" }) {
			o.fail("name", "duplicate name %q: names must be unique", cut(b.Name))
		}
		list = append(list, b)
	}
	return list
}

// readBackend reads one entry. Defaults are those of the flags' table.
func readBackend(o *object) Backend {
	defaults := Defaults()
	var b Backend
	kinds := lookup("backend").choices
	o.need("kind", &b.Kind)
	if b.Kind != "" && !slices.Contains(kinds, b.Kind) {
		o.fail("kind", "%q is not supported by this build; allowed: %s",
			cut(b.Kind), strings.Join(kinds, ", "))
	}
	o.need("name", &b.Name)
	if !slices.Contains(kinds, b.Kind) {
		return b // which keys are allowed is not known
	}
	// A label of a metric has spaces in their place: two names could become one.
	if strings.ContainsFunc(b.Name, unicode.IsControl) {
		o.fail("name", "%q contains a control character", cut(b.Name))
	}
	if len(b.Name) > 128 {
		o.fail("name", "longer than 128 bytes")
	}
	o.integer("weight", &b.Weight, 1, maxWeight)
	switch b.Kind {
	case KindLlamaCpp:
		b.Llama = defaults.Llama
		readLlama(o, &b.Llama)
	case KindOpenAI:
		b.OpenAI = defaults.OpenAI
		readOpenAI(o, &b.OpenAI)
	case KindMock:
		b.Mock = defaults.Mock
		readMock(o, &b.Mock)
	}
	o.done()
	return b
}

func readLlama(o *object, l *Llama) {
	nCtx, layers := lookup("n-ctx"), lookup("n-gpu-layers")
	o.integer("n_ctx", &l.NCtx, nCtx.min, nCtx.max)
	o.integer("n_gpu_layers", &l.NGPULayers, layers.min, layers.max)
	o.boolean("embed", &l.Embed)
	o.str("embed_pooling", &l.EmbedPooling)
	l.EmbedNCtx = defaultEmbedNCtx
	o.integer("embed_n_ctx", &l.EmbedNCtx, nCtx.min, nCtx.max)

	o.str("chat_template", &l.ChatTemplate)

	o.str("model_path", &l.ModelPath)
	o.str("model_sha256", &l.ModelSHA256)
	if l.ModelSHA256 != "" && !isLowerSHA256(l.ModelSHA256) {
		o.fail("model_sha256", "want 64 lower-case hex digits")
	}
	n := o.get("model")
	switch {
	case n != nil && l.ModelPath != "":
		o.fail("model_path", "model is given too: they are mutually exclusive")
	case n != nil:
		l.Model = readModel(objectOf(n, o.path+"model.", o.rep))
	case l.ModelPath == "":
		o.fail("model", "must be given (a model of the store), or model_path (a local file)")
	}
}

func readOpenAI(o *object, a *OpenAI) {
	o.need("base_url", &a.BaseURL)
	if err := checkBaseURL(a.BaseURL); a.BaseURL != "" && err != "" {
		o.fail("base_url", "%s", err)
	}
	o.need("model", &a.Model)
	o.text("api_key_env", &a.APIKeyEnv)
	least := time.Millisecond
	o.duration("timeout", &a.Timeout, least)
	o.duration("connect_timeout", &a.ConnectTimeout, least)
	o.duration("first_token_timeout", &a.FirstTokenTimeout, least)
	o.duration("idle_timeout", &a.IdleTimeout, least)
	o.boolean("pass_top_k", &a.PassTopK)
	o.boolean("pass_grammar", &a.PassGrammar)
	o.boolean("embed", &a.Embed)
	o.duration("probe_interval", &a.ProbeInterval, 0)
	o.str("probe_path", &a.ProbePath)
	if a.ProbePath != "" && a.ProbePath[0] != '/' {
		o.fail("probe_path", "must begin with /")
	}
}

// checkBaseURL says what is wrong with an upstream's URL, "" if nothing: whatever the
// engine refuses, which would do so after the start only.
func checkBaseURL(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "must be an http:// or https:// URL with a host"
	case u.User != nil:
		return "must not contain a user or password: give the key by environment"
	case u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return "must not contain a query or fragment"
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return "names a port that is none"
	}
	return ""
}

// readMock reads the knobs of the mock under their flags' names less "mock-".
func readMock(o *object, m *Mock) {
	into := &Config{Mock: *m}
	for i := range mockSettings {
		s := &mockSettings[i]
		key := strings.TrimPrefix(s.key(), "mock_")
		if text, ok := o.setting(lookup(s.name), key); ok {
			_ = s.assign(into, text) // setting has checked it
		}
	}
	*m = into.Mock
}
