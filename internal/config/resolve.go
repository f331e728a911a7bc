package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"inferd/codec"
	"inferd/internal/instance"
	"inferd/internal/rundir"
)

// noUDS is the value of --uds that turns the Unix socket off.
const noUDS = "none"

// resolve fills in what depends on several settings or on the environment, and
// checks what only the whole can tell.
func (c *Config) resolve(file *fileConfig, env func(string) string) error {
	c.ActivePermitsSet = c.isSet("active-permits")
	c.ActivePermits = max(c.ActivePermits, 1)
	for _, step := range []func(*fileConfig, func(string) string) error{
		c.resolveEndpoints, c.resolveKey, c.resolveBackends,
	} {
		if err := step(file, env); err != nil {
			return err
		}
	}
	if c.ModelsHome == "" {
		c.ModelsHome = rundir.ModelsHome(env)
	}
	if c.LogDir == "" {
		c.LogDir = rundir.LogDir(env)
	}
	return nil
}

func (c *Config) resolveEndpoints(_ *fileConfig, env func(string) string) error {
	if err := c.oneOf("v2-addr", "v2-tcp", &c.V2Addr, &c.V2TCP); err != nil {
		return err
	}
	if err := c.oneOf("embed-addr", "embed-tcp", &c.EmbedAddr, &c.EmbedTCP); err != nil {
		return err
	}
	paths := rundir.Default(env)
	orDefault := func(p *string, def string) {
		if *p == "" {
			*p = def
		}
	}
	orDefault(&c.UDS, paths.Infer)
	orDefault(&c.Admin, paths.Admin)
	orDefault(&c.Lock, paths.Lock)
	if c.V2TCP == "" {
		orDefault(&c.V2Addr, paths.InferV2)
	}
	if c.EmbedTCP == "" {
		orDefault(&c.EmbedAddr, paths.Embed)
	}
	if c.UDS == noUDS {
		c.UDS = ""
	}
	if c.UDS == "" && c.TCP == "" {
		return usagef("no transport configured: give --tcp ADDR, or --uds another path than 'none'")
	}
	if err := c.distinct(); err != nil {
		return err
	}
	if c.MetricsAddr != "" && !isLoopback(c.MetricsAddr) && !c.MetricsAllowRemote {
		return usagef("metrics address %s is not loopback and metrics need no key: "+
			"use 127.0.0.1, or pass --metrics-allow-remote", c.MetricsAddr)
	}
	return nil
}

// oneOf settles two settings that exclude each other: the one from the
// stronger source wins, two from the same source are an error.
func (c *Config) oneOf(a, b string, av, bv *string) error {
	if *av == "" || *bv == "" {
		return nil
	}
	oa, ob := c.origins[a], c.origins[b]
	switch {
	case oa.Source > ob.Source:
		*bv, c.origins[b] = "", Origin{}
	case ob.Source > oa.Source:
		*av, c.origins[a] = "", Origin{}
	default:
		return usagef("--%s and --%s are mutually exclusive (%s, %s)", a, b, oa, ob)
	}
	return nil
}

// endpoint is a place that something is served at.
type endpoint struct{ name, at string }

// sockets are the Unix sockets that are served.
func (c *Config) sockets() []endpoint {
	list := []endpoint{{"--uds", c.UDS}, {"--admin-addr", c.Admin}}
	if c.V2 {
		list = append(list, endpoint{"--v2-addr", c.V2Addr})
	}
	if c.Embed {
		list = append(list, endpoint{"--embed-addr", c.EmbedAddr})
	}
	return list
}

// CheckEndpoints refuses what would fail only when a socket is bound, which for the
// inference socket is after its models were fetched and loaded, and a TCP port that lacks
// its key. Load leaves it to those who will serve: the model store needs neither. The
// error is a *[UsageError].
func (c *Config) CheckEndpoints() error {
	if err := c.checkKey(); err != nil {
		return err
	}
	for _, e := range c.sockets() {
		if e.at == "" {
			continue
		}
		if err := instance.CheckSocketPath(e.at); err != nil {
			return usagef("%s: %v", e.name, err)
		}
	}
	if c.UDS == "" {
		return nil // nobody to give it to
	}
	if _, err := instance.GroupID(c.Group); err != nil {
		return usagef("--group: %v", err)
	}
	return nil
}

// distinct refuses two endpoints in one place: the second bind would fail, or
// worse, take the first one's socket for a stale one.
func (c *Config) distinct() error {
	paths := append(c.sockets(), endpoint{"--lock", c.Lock})
	addrs := []endpoint{{"--tcp", c.TCP}, {"--metrics-addr", c.MetricsAddr}}
	if c.V2 {
		addrs = append(addrs, endpoint{"--v2-tcp", c.V2TCP})
	}
	if c.Embed {
		addrs = append(addrs, endpoint{"--embed-tcp", c.EmbedTCP})
	}
	for i := range paths {
		if paths[i].at != "" {
			paths[i].at = filepath.Clean(paths[i].at)
		}
	}
	for _, group := range [][]endpoint{paths, addrs} {
		seen := make(map[string]string)
		for _, e := range group {
			if e.at == "" || strings.HasSuffix(e.at, ":0") {
				continue
			}
			if other, ok := seen[e.at]; ok {
				return usagef("%s and %s are both %s: each needs its own", other, e.name, e.at)
			}
			seen[e.at] = e.name
		}
	}
	return nil
}

// tcpAddrs are the addresses that clients can reach, without those not served.
func (c *Config) tcpAddrs() []string {
	var addrs []string
	if c.TCP != "" {
		addrs = append(addrs, c.TCP)
	}
	if c.V2 && c.V2TCP != "" {
		addrs = append(addrs, c.V2TCP)
	}
	if c.Embed && c.EmbedTCP != "" {
		addrs = append(addrs, c.EmbedTCP)
	}
	return addrs
}

// resolveKey finds the TCP key.
func (c *Config) resolveKey(_ *fileConfig, env func(string) string) error {
	if c.APIKey == "" && c.keyEnv != "" {
		if key := env(c.keyEnv); key != "" {
			c.APIKey = key
			c.origins["api-key"] = Origin{FromEnv, c.keyEnv}
		}
	}
	return nil
}

// checkKey refuses an open door to the network, and one whose key no client can send.
func (c *Config) checkKey() error {
	switch {
	case len(codec.AppendAuth(nil, c.APIKey))-1 > codec.MaxAuthLine:
		return usagef("the TCP key (%s) is too long: the line that a client sends it in "+
			"must not exceed %d bytes", c.origins["api-key"], codec.MaxAuthLine)
	case c.APIKey != "":
		return nil
	case c.keyEnv != "" && len(c.tcpAddrs()) > 0:
		return usagef("listen.api_key_env: %s, which is to hold the TCP key, is not set", c.keyEnv)
	case c.AllowRemoteTCP:
		return nil
	}
	for _, addr := range c.tcpAddrs() {
		if !isLoopback(addr) {
			return usagef("tcp address %s is not loopback and there is no API key: "+
				"set INFERD_API_KEY, or pass --allow-remote-tcp-without-key to serve anybody",
				addr)
		}
	}
	return nil
}

func isLoopback(addr string) bool {
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

// resolveBackends decides what is served: --backend, or what a flag implies;
// else the file; else the built-in model.
func (c *Config) resolveBackends(file *fileConfig, env func(string) string) error {
	kind, err := c.chosenKind(file)
	if err != nil {
		return err
	}
	switch {
	case kind != "":
		c.described = kind
		c.Backends = []Backend{c.fromFlags(kind)}
		return c.checkFlagBackend(&c.Backends[0])
	case file.legacy != nil:
		l := c.fromFlags(KindLlamaCpp).Llama
		l.BuiltIn, l.ModelPath, l.ModelSHA256, l.Model = false, "", "", *file.legacy
		c.Backends = []Backend{{Kind: KindLlamaCpp, Name: l.Model.Name, Llama: l}}
		c.described = KindLlamaCpp
	case len(file.backends) > 0:
		c.Backends = file.backends
	default:
		c.described = KindLlamaCpp
		c.Backends = []Backend{c.fromFlags(KindLlamaCpp)}
		return c.checkFlagBackend(&c.Backends[0])
	}
	for i := range c.Backends {
		b := &c.Backends[i]
		b.Llama.ModelPath = rundir.ExpandHome(b.Llama.ModelPath, env)
		if b.Kind != KindOpenAI {
			continue
		}
		b.OpenAI.BaseURL = strings.TrimSpace(b.OpenAI.BaseURL)
		if b.OpenAI.APIKeyEnv != "" {
			b.OpenAI.APIKey = env(b.OpenAI.APIKeyEnv)
		}
		if b.OpenAI.APIKey == "" {
			b.OpenAI.APIKey = c.OpenAI.APIKey
		}
		if !fitsHeader(b.OpenAI.APIKey) {
			return usagef("backend %s: its API key has a space, line end or other character "+
				"that no HTTP header may carry", b.Name)
		}
	}
	return nil
}

func fitsHeader(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}

// chosenKind is the kind of the one backend that settings ask for, empty if they leave it
// to the file's backends or the built-in model. A newcomer may leave out --backend where
// another setting already says which; the strongest source decides. The file's own
// backends stand above its other keys, and below flags and variables.
func (c *Config) chosenKind(file *fileConfig) (string, error) {
	least := FromFile
	if file.legacy != nil || len(file.backends) > 0 {
		least = FromEnv
	}
	model, url := c.origins["model-path"], c.origins["openai-base-url"]
	implied := max(model.Source, url.Source)
	if implied < least || c.Kind != "" && c.origins["backend"].Source >= implied {
		return c.Kind, nil
	}
	if model.Source == url.Source {
		return "", usagef("--model-path and --openai-base-url are mutually exclusive (%s, %s): "+
			"say with --backend which is meant", model, url)
	}
	c.Kind, c.origins["backend"] = "", Origin{}
	if model.Source > url.Source {
		return KindLlamaCpp, nil
	}
	return KindOpenAI, nil
}

func (c *Config) checkFlagBackend(b *Backend) error {
	switch {
	case b.Kind == KindLlamaCpp && b.Llama.ModelSHA256 != "" && b.Llama.BuiltIn:
		return usagef("--model-sha256 needs --model-path")
	case b.Kind != KindOpenAI:
		return nil
	case strings.TrimSpace(b.OpenAI.BaseURL) == "":
		return usagef("--backend %s needs --openai-base-url", KindOpenAI)
	case strings.TrimSpace(b.OpenAI.Model) == "":
		return usagef("--backend %s needs --openai-model", KindOpenAI)
	}
	b.OpenAI.BaseURL = strings.TrimSpace(b.OpenAI.BaseURL)
	if bad := checkBaseURL(b.OpenAI.BaseURL); bad != "" {
		return usagef("--openai-base-url: %s", bad)
	}
	return nil
}

// Warnings are things that are allowed but probably not meant, for the log.
func (c *Config) Warnings() []string {
	var list []string
	if c.APIKey == "" {
		for _, addr := range c.tcpAddrs() {
			who := "every user of this machine can connect"
			if !isLoopback(addr) {
				who = "everybody who can reach it can connect, from other machines as well"
			}
			list = append(list, "tcp "+addr+" is served without an API key: "+who+"; set INFERD_API_KEY")
		}
	}
	if c.WriteTimeout == 0 {
		list = append(list, "write-timeout is off: a client that does not read "+
			"holds its permit until --stall-timeout or its end")
	}
	if c.LogDir == "" && c.LogLevel != "off" {
		list = append(list, "there is no home directory and so no activity log: give --log-dir")
	}
	for i := range settings {
		s := &settings[i]
		if about := s.about(); about == "" || about == c.described || !c.isSet(s.name) {
			continue
		}
		what := "the backends of the config file are served, by their own keys"
		if c.described != "" {
			what = "a " + c.described + " backend is served"
		}
		list = append(list, fmt.Sprintf("%s (%s) has no effect: %s", s.name, c.origins[s.name], what))
	}
	for _, b := range c.Backends {
		if b.Llama.ModelPath == "" {
			continue
		}
		if _, err := os.Stat(b.Llama.ModelPath); err != nil {
			list = append(list, "backend "+b.Name+": model file: "+err.Error())
		}
	}
	return list
}
