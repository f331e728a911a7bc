package config

import (
	"time"
)

// Action is what the command line asks for.
type Action uint8

// The actions; each but ActionRun prints something and ends.
const (
	ActionRun Action = iota
	ActionHelp
	ActionVersion
	ActionCheckConfig
	ActionPrintConfig
)

// Config holds every setting with its effective value. It does not change once
// [Load] or [Config.Reload] has returned it, so that any goroutine may read it.
type Config struct {
	// Endpoints. Paths are resolved; an empty one is not served.
	UDS                string // v1 socket; empty after --uds none
	TCP                string // v1, literal ip:port; empty is off
	Admin              string
	Lock               string
	Group              string // owner of the inference sockets; empty leaves it
	V2                 bool
	V2Addr, V2TCP      string // used only with V2; exactly one is set then
	Embed              bool
	EmbedAddr          string // used only with Embed, as V2Addr
	EmbedTCP           string
	MetricsAddr        string // empty is off
	MetricsAllowRemote bool

	// Access.
	APIKey         string // TCP only; empty asks for none
	AllowRemoteTCP bool   // --allow-remote-tcp-without-key
	AllowUIDs      []uint32
	AllowGIDs      []uint32

	// Backends in order of preference; never empty. Names are unique.
	Backends []Backend
	// Kind is --backend; empty if the file or the built-in model decided.
	Kind string
	// What the flags say about a backend, merged into Backends where it applies.
	Llama  Llama
	OpenAI OpenAI
	Mock   Mock

	LlamaLib        string // directory of libllama; empty is the default search
	AllowLlamaLib   string // a version of it to run with though its layout is not known
	LlamaThreads    int    // 0 is all cores but one
	EngineIsolation string // IsolationProcess or IsolationNone
	ModelsHome      string // root of the store; empty if there is no home directory
	AutoPull        bool

	// Admission. ActivePermits is at least 1.
	ActivePermits    int
	ActivePermitsSet bool // false: an engine may widen it to what it can run
	QueueDepth       int

	// Deadlines; 0 is off where the table says so.
	ReadyTimeout time.Duration
	WriteTimeout time.Duration
	StallTimeout time.Duration
	IdleTimeout  time.Duration
	LineTimeout  time.Duration
	DrainTimeout time.Duration
	AuthTimeout  time.Duration

	// Limits; 0 is sized from the host.
	MaxConnections   int
	MaxOutputBytes   int64 // a connection
	MaxInboundBytes  int64 // all connections
	MaxPipelineBytes int64 // a connection
	Loops            int

	// Logging.
	LogLevel       string // one of debug, info, warn, error, off
	LogDir         string // empty: stderr only
	LogMaxBytes    int64
	LogGenerations int

	// File is the config file that was read; empty if there was none.
	File string

	configPath string            // --config, before the default
	origins    map[string]Origin // by setting name; every setting is there
	keyEnv     string            // listen.api_key_env of the file
	described  string            // the kind of backend that settings describe; empty: none
	args       []string          // kept for Reload, with env
	env        func(string) string
}

// Isolation of the llamacpp engine.
const (
	IsolationProcess = "process"
	IsolationNone    = "none"
)

// Source is the kind of place a value came from, in rising precedence.
type Source uint8

// The sources.
const (
	FromDefault Source = iota
	FromFile
	FromEnv
	FromFlag
)

// Origin is where the effective value of a setting came from.
type Origin struct {
	Source Source
	Detail string // flag, variable or file:line; empty for a default
}

// String is as --print-config shows it, e.g. "env INFERD_QUEUE_DEPTH".
func (o Origin) String() string {
	switch o.Source {
	case FromFlag:
		return "flag " + o.Detail
	case FromEnv:
		return "env " + o.Detail
	case FromFile:
		return "file " + o.Detail
	default:
		return "default"
	}
}

// Origin says where the setting with this flag name (without dashes) came from.
func (c *Config) Origin(name string) Origin { return c.origins[name] }

func (c *Config) isSet(name string) bool { return c.origins[name].Source != FromDefault }
