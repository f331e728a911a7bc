package openaicompat

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Options describe one upstream. BaseURL and Model are required; zero
// durations take the defaults.
type Options struct {
	Name    string // the config entry's, for logs
	BaseURL string // http(s)://host[:port][/path]; the API's /v1 may be left out
	Model   string // what the upstream calls it
	APIKey  string // empty: no Authorization header

	Timeout           time.Duration // a whole request; 300 s
	ConnectTimeout    time.Duration // TCP and TLS; 10 s
	FirstTokenTimeout time.Duration // from sending to the first token; 120 s
	IdleTimeout       time.Duration // between two events after that; 60 s

	// PassTopK sends top_k, which OpenAI's own API refuses but llama-server,
	// vLLM and LM Studio know.
	PassTopK bool
	// PassGrammar sends a request's grammar in llama-server's `grammar` field.
	// Without it a request with a grammar is refused, for the API has no place
	// for one and an answer that ignores it would be wrong.
	PassGrammar bool
	// Embed says that the model is for embeddings: see Capabilities.
	Embed bool

	// ProbeInterval turns on the health probe; 0 means always ready.
	ProbeInterval time.Duration
	// ProbePath is asked by the probe, relative to BaseURL; "/v1/models".
	ProbePath string
}

// prepare checks o, fills in the defaults and cuts BaseURL to its root.
func (o Options) prepare() (Options, error) {
	root, err := parseBaseURL(o.BaseURL)
	if err != nil {
		return o, err
	}
	o.BaseURL = root
	if strings.TrimSpace(o.Model) == "" {
		return o, fmt.Errorf("openai-compat: model must not be empty")
	}
	if strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		// The key itself stays out of the text.
		return o, fmt.Errorf("openai-compat: the api key has a space, line end or other " +
			"character that no HTTP header may carry")
	}
	for _, d := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"timeout", &o.Timeout, defaultTimeout},
		{"connect timeout", &o.ConnectTimeout, defaultConnectTimeout},
		{"first-token timeout", &o.FirstTokenTimeout, defaultFirstTokenTimeout},
		{"idle timeout", &o.IdleTimeout, defaultIdleTimeout},
		{"probe interval", &o.ProbeInterval, 0},
	} {
		if *d.value < 0 {
			return o, fmt.Errorf("openai-compat: %s must not be negative", d.name)
		}
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if o.ProbePath == "" {
		o.ProbePath = "/v1/models"
	}
	if !strings.HasPrefix(o.ProbePath, "/") {
		return o, fmt.Errorf("openai-compat: probe path must begin with /")
	}
	return o, nil
}

// parseBaseURL gives the URL that "/v1/…" is appended to. Its errors don't
// quote the URL: people put secrets there.
func parseBaseURL(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(raw))
	switch {
	case err != nil:
		return "", fmt.Errorf("openai-compat: base_url is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("openai-compat: base_url must begin with http:// or https://")
	case u.Hostname() == "":
		return "", fmt.Errorf("openai-compat: base_url names no host")
	case u.User != nil:
		return "", fmt.Errorf("openai-compat: base_url must not hold a user or password: " +
			"use api_key_env")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("openai-compat: base_url must not hold a query or fragment")
	}
	root := strings.TrimRight(u.String(), "/")
	// Many servers document their base URL with the version in it.
	return strings.TrimRight(strings.TrimSuffix(root, "/v1"), "/"), nil
}
