package config

import "time"

var endpointSettings = []setting{
	{
		name: "uds", arg: "PATH", group: groupEndpoints, kind: kindPath,
		show: "infer.sock in the run directory",
		help: "Unix socket of the v1 wire; 'none' for TCP only",
		ptr:  func(c *Config) any { return &c.UDS },
	},
	{
		name: "tcp", arg: "ADDR", group: groupEndpoints, kind: kindAddr, show: "off",
		help: "TCP listener of the v1 wire, a literal ip:port, besides the Unix socket; " +
			"port 0 picks one and logs it",
		ptr: func(c *Config) any { return &c.TCP },
	},
	{
		name: "v2", group: groupEndpoints, kind: kindBool, def: "false",
		help: "serve the v2 wire too; without effect in this version",
		ptr:  func(c *Config) any { return &c.V2 },
	},
	{
		name: "v2-addr", arg: "PATH", group: groupEndpoints, kind: kindPath,
		show: "infer.v2.sock in the run directory",
		help: "Unix socket of the v2 wire; not together with --v2-tcp",
		ptr:  func(c *Config) any { return &c.V2Addr },
	},
	{
		name: "v2-tcp", arg: "ADDR", group: groupEndpoints, kind: kindAddr, show: "off",
		help: "TCP listener of the v2 wire in place of its Unix socket",
		ptr:  func(c *Config) any { return &c.V2TCP },
	},
	{
		name: "embed", group: groupEndpoints, kind: kindBool, def: "false",
		help: "serve the embeddings wire too; without effect in this version",
		ptr:  func(c *Config) any { return &c.Embed },
	},
	{
		name: "embed-addr", arg: "PATH", group: groupEndpoints, kind: kindPath,
		show: "infer.embed.sock in the run directory",
		help: "Unix socket of the embeddings wire; not together with --embed-tcp",
		ptr:  func(c *Config) any { return &c.EmbedAddr },
	},
	{
		name: "embed-tcp", arg: "ADDR", group: groupEndpoints, kind: kindAddr, show: "off",
		help: "TCP listener of the embeddings wire in place of its Unix socket",
		ptr:  func(c *Config) any { return &c.EmbedTCP },
	},
	{
		name: "admin-addr", arg: "PATH", group: groupEndpoints, kind: kindPath,
		show: "admin.sock in the run directory",
		help: "Unix socket for status and commands, open to the same user only",
		ptr:  func(c *Config) any { return &c.Admin },
	},
	{
		name: "lock", arg: "PATH", group: groupEndpoints, kind: kindPath,
		show: "inferd.lock in the run directory",
		help: "lock file that keeps a second daemon from starting",
		ptr:  func(c *Config) any { return &c.Lock },
	},
	{
		name: "config", arg: "PATH", group: groupEndpoints, kind: kindPath, noFile: true,
		show: "~/.inferd/config.json, if it exists",
		help: "config file; SIGHUP reads it again",
		ptr:  func(c *Config) any { return &c.configPath },
	},
}

var accessSettings = []setting{
	{
		name: "group", arg: "NAME", group: groupAccess, kind: kindString,
		help: "group that owns the inference sockets (mode 0660)",
		ptr:  func(c *Config) any { return &c.Group },
	},
	{
		name: "allow-uid", arg: "UID,...", group: groupAccess, kind: kindIDs, show: "everyone",
		help: "accept Unix connections of these user ids only (or of --allow-gid); " +
			"others are closed at once",
		ptr: func(c *Config) any { return &c.AllowUIDs },
	},
	{
		name: "allow-gid", arg: "GID,...", group: groupAccess, kind: kindIDs, show: "everyone",
		help: "accept Unix connections of members of these group ids only (or of --allow-uid)",
		ptr:  func(c *Config) any { return &c.AllowGIDs },
	},
	{
		name: "api-key", arg: "KEY", group: groupAccess, kind: kindString, secret: true,
		help: "key that TCP clients send as their first frame; Unix sockets never ask. " +
			"Better given by environment, or in the file as listen.api_key_env",
		ptr: func(c *Config) any { return &c.APIKey },
	},
	{
		name: "allow-remote-tcp-without-key", group: groupAccess, kind: kindBool, def: "false",
		help: "let a TCP address that is not loopback be served without a key",
		ptr:  func(c *Config) any { return &c.AllowRemoteTCP },
	},
}

var backendSettings = []setting{
	{
		name: "backend", arg: "KIND", group: groupBackend, kind: kindEnum,
		choices: []string{KindLlamaCpp, KindOpenAI, KindMock},
		show:    "the config file's backends, else the built-in model",
		help:    "serve this one backend, described by flags",
		ptr:     func(c *Config) any { return &c.Kind },
	},
	{
		name: "model-path", arg: "PATH", group: groupBackend, kind: kindPath,
		show: "the built-in model",
		help: "GGUF file for llamacpp; implies --backend llamacpp",
		ptr:  func(c *Config) any { return &c.Llama.ModelPath },
	},
	{
		name: "model-sha256", arg: "HEX", group: groupBackend, kind: kindSHA256,
		help: "refuse to load --model-path unless it has this SHA-256",
		ptr:  func(c *Config) any { return &c.Llama.ModelSHA256 },
	},
	{
		name: "n-ctx", arg: "N", group: groupBackend, kind: kindInt, def: "8192",
		min: 1, max: 1 << 20,
		help: "context of a llamacpp sequence in tokens",
		ptr:  func(c *Config) any { return &c.Llama.NCtx },
	},
	{
		name: "n-gpu-layers", arg: "N", group: groupBackend, kind: kindInt, def: "0",
		min: -1, max: 1 << 16,
		help: "layers that llamacpp puts on a GPU; -1 is all",
		ptr:  func(c *Config) any { return &c.Llama.NGPULayers },
	},
	{
		name: "llama-lib", arg: "DIR", group: groupBackend, kind: kindPath,
		show: "lib/llama beside the binary or its directory, else the system's",
		help: "directory of libllama",
		ptr:  func(c *Config) any { return &c.LlamaLib },
	},
	{
		name: "allow-llama-lib", arg: "VERSION", group: groupBackend, kind: kindString,
		show: "known versions only",
		help: "load libllama of this version although its memory layout is not known; it may " +
			"crash or answer nonsense",
		ptr: func(c *Config) any { return &c.AllowLlamaLib },
	},
	{
		name: "llama-threads", arg: "N", group: groupBackend, kind: kindInt, def: "0",
		max: 1024, show: "all cores but one",
		help: "threads that llamacpp computes with",
		ptr:  func(c *Config) any { return &c.LlamaThreads },
	},
	{
		name: "engine-isolation", arg: "HOW", group: groupBackend, kind: kindEnum,
		def: IsolationProcess, choices: []string{IsolationProcess, IsolationNone},
		help: "run llamacpp in a worker process of its own, or in the daemon (for debugging)",
		ptr:  func(c *Config) any { return &c.EngineIsolation },
	},
	{
		name: "openai-base-url", arg: "URL", group: groupBackend, kind: kindString,
		help: "upstream of openai-compat, http:// or https://",
		ptr:  func(c *Config) any { return &c.OpenAI.BaseURL },
	},
	{
		name: "openai-model", arg: "NAME", group: groupBackend, kind: kindString,
		help: "model to ask the upstream for",
		ptr:  func(c *Config) any { return &c.OpenAI.Model },
	},
	{
		name: "openai-api-key", arg: "KEY", group: groupBackend, kind: kindString, secret: true,
		envs: []string{"OPENAI_API_KEY"},
		help: "key for the upstream; none sends no Authorization header",
		ptr:  func(c *Config) any { return &c.OpenAI.APIKey },
	},
	{
		name: "openai-timeout", arg: "DUR", group: groupBackend, kind: kindDuration,
		def: "5m", min: 1, secs: true,
		help: "longest time for one request to the upstream",
		ptr:  func(c *Config) any { return &c.OpenAI.Timeout },
	},
	{
		name: "openai-connect-timeout", arg: "DUR", group: groupBackend, kind: kindDuration,
		def: "10s", min: 1, secs: true,
		help: "longest time to connect to the upstream, TLS included",
		ptr:  func(c *Config) any { return &c.OpenAI.ConnectTimeout },
	},
	{
		name: "openai-first-token-timeout", arg: "DUR", group: groupBackend, kind: kindDuration,
		def: "2m", min: 1, secs: true,
		help: "longest wait for the upstream's first token",
		ptr:  func(c *Config) any { return &c.OpenAI.FirstTokenTimeout },
	},
	{
		name: "openai-idle-timeout", arg: "DUR", group: groupBackend, kind: kindDuration,
		def: "60s", min: 1, secs: true,
		help: "longest silence of the upstream between two tokens",
		ptr:  func(c *Config) any { return &c.OpenAI.IdleTimeout },
	},
	{
		name: "models-home", arg: "DIR", group: groupBackend, kind: kindPath,
		show: "MODELS_HOME, else ~/.local/share/models",
		help: "root of the model store",
		ptr:  func(c *Config) any { return &c.ModelsHome },
	},
	{
		name: "auto-pull", group: groupBackend, kind: kindBool, def: "true",
		help: "download models of the config file that are missing; " +
			"false makes a missing model an error",
		ptr: func(c *Config) any { return &c.AutoPull },
	},
}

var mockSettings = []setting{
	{
		name: "mock-tokens", arg: "N", group: groupMock, kind: kindInt, def: "-1",
		min: -1, max: maxMockTokens, show: "one token 'mock-response'",
		help: "answer with N tokens, t0 to t{N-1}",
		ptr:  func(c *Config) any { return &c.Mock.Tokens },
	},
	{
		name: "mock-token-delay", arg: "DUR", group: groupMock, kind: kindDuration, def: "0s",
		help: "wait before each token",
		ptr:  func(c *Config) any { return &c.Mock.TokenDelay },
	},
	{
		name: "mock-token-bytes", arg: "N", group: groupMock, kind: kindSize, def: "0",
		max: 16 << 20, show: "as long as its name",
		help: "make each token N bytes long",
		ptr:  func(c *Config) any { return &c.Mock.TokenBytes },
	},
	{
		name: "mock-drop-after", arg: "N", group: groupMock, kind: kindInt, def: "-1",
		min: -1, max: maxMockTokens, show: "never",
		help: "break the stream off after N tokens",
		ptr:  func(c *Config) any { return &c.Mock.DropAfter },
	},
	{
		name: "mock-error", arg: "KIND", group: groupMock, kind: kindEnum, show: "none",
		choices: []string{"not_ready", "invalid_request", "unavailable"},
		help:    "refuse every request like this",
		ptr:     func(c *Config) any { return &c.Mock.Error },
	},
	{
		name: "mock-ready-after", arg: "DUR", group: groupMock, kind: kindDuration, def: "0s",
		help: "become ready this long after the start",
		ptr:  func(c *Config) any { return &c.Mock.ReadyAfter },
	},
}

var admissionSettings = []setting{
	{
		name: "active-permits", arg: "N", group: groupAdmission, kind: kindInt, def: "1",
		max: maxPermits, live: true, show: "1; 8 for the built-in model alone",
		help: "requests that run at once; 0 counts as 1",
		ptr:  func(c *Config) any { return &c.ActivePermits },
	},
	{
		name: "queue-depth", arg: "N", group: groupAdmission, kind: kindInt, def: "10",
		max: maxQueueDepth, live: true,
		help: "requests that wait, first come first served; one more gets queue_full",
		ptr:  func(c *Config) any { return &c.QueueDepth },
	},
}

var deadlineSettings = []setting{
	{
		name: "ready-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "30s", min: 1, secs: true,
		help: "longest time until every backend, once made, is ready; then the daemon gives up. " +
			"Loading a llama.cpp model comes before and may take 10m, or this if it is longer",
		ptr: func(c *Config) any { return &c.ReadyTimeout },
	},
	{
		name: "write-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "60s", secs: true, live: true,
		help: "longest time until a client has taken a frame; then it is closed. 0 is off",
		ptr:  func(c *Config) any { return &c.WriteTimeout },
	},
	{
		name: "stall-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "5s", min: int64(time.Millisecond), live: true,
		help: "longest time that a full outbox may make no progress; then the client is closed",
		ptr:  func(c *Config) any { return &c.StallTimeout },
	},
	{
		name: "idle-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "0s", show: "off", secs: true, live: true,
		help: "close a connection without any request for this long; 0 is off",
		ptr:  func(c *Config) any { return &c.IdleTimeout },
	},
	{
		name: "line-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "60s", secs: true, live: true,
		help: "longest time for a begun request line to end; then it is closed. 0 is off",
		ptr:  func(c *Config) any { return &c.LineTimeout },
	},
	{
		name: "auth-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "10s", min: int64(time.Millisecond), secs: true, live: true,
		help: "longest time for the key frame of a TCP client",
		ptr:  func(c *Config) any { return &c.AuthTimeout },
	},
	{
		name: "drain-timeout", arg: "DUR", group: groupDeadlines, kind: kindDuration,
		def: "8s", secs: true, live: true,
		help: "longest time for running and waiting requests to finish at shutdown; " +
			"then they are cut",
		ptr: func(c *Config) any { return &c.DrainTimeout },
	},
}

var limitSettings = []setting{
	{
		name: "max-connections", arg: "N", group: groupLimits, kind: kindInt, def: "0",
		max: maxConnections, show: "from the descriptor limit and memory",
		help: "open connections; one more is accepted and closed at once",
		ptr:  func(c *Config) any { return &c.MaxConnections },
	},
	{
		name: "max-output-bytes", arg: "SIZE", group: groupLimits, kind: kindSize, def: "0",
		min: minOutputBytes, max: maxSizeBytes, show: "from memory",
		help: "unsent output of one connection; a full outbox blocks its request, " +
			"see --stall-timeout",
		ptr: func(c *Config) any { return &c.MaxOutputBytes },
	},
	{
		name: "max-inbound-bytes", arg: "SIZE", group: groupLimits, kind: kindSize, def: "0",
		min: minInboundBytes, max: maxSizeBytes, show: "from memory",
		help: "unfinished request lines of all connections together, and likewise what they " +
			"have not read of finished answers; who would pass it is closed",
		ptr: func(c *Config) any { return &c.MaxInboundBytes },
	},
	{
		name: "max-pipeline-bytes", arg: "SIZE", group: groupLimits, kind: kindSize, def: "1MiB",
		min: minPipelineBytes, max: maxSizeBytes,
		help: "requests that one connection may send ahead of its answers; reading pauses there",
		ptr:  func(c *Config) any { return &c.MaxPipelineBytes },
	},
	{
		name: "loops", arg: "N", group: groupLimits, kind: kindInt, def: "0",
		max: maxLoops, show: "from the number of cores",
		help: "event loops",
		ptr:  func(c *Config) any { return &c.Loops },
	},
}

var loggingSettings = []setting{
	{
		name: "log-level", arg: "LEVEL", group: groupLogging, kind: kindEnum, def: "info",
		choices: []string{"debug", "info", "warn", "error", "off"},
		envs:    []string{"INFERD_LOG"}, live: true,
		help: "least severe events that are logged",
		ptr:  func(c *Config) any { return &c.LogLevel },
	},
	{
		name: "log-dir", arg: "DIR", group: groupLogging, kind: kindPath,
		show: "~/.inferd/logs",
		help: "directory of the activity log inferd.ndjson",
		ptr:  func(c *Config) any { return &c.LogDir },
	},
	{
		name: "log-max-bytes", arg: "SIZE", group: groupLogging, kind: kindSize, def: "16MiB",
		min: minLogBytes, max: maxSizeBytes,
		help: "rotate the activity log before it grows beyond this",
		ptr:  func(c *Config) any { return &c.LogMaxBytes },
	},
	{
		name: "log-generations", arg: "N", group: groupLogging, kind: kindInt, def: "3",
		max:  maxGenerations,
		help: "rotated logs to keep",
		ptr:  func(c *Config) any { return &c.LogGenerations },
	},
	{
		name: "metrics-addr", arg: "ADDR", group: groupLogging, kind: kindAddr, show: "off",
		help: "serve Prometheus metrics at http://ADDR/metrics, loopback only",
		ptr:  func(c *Config) any { return &c.MetricsAddr },
	},
	{
		name: "metrics-allow-remote", group: groupLogging, kind: kindBool, def: "false",
		help: "let --metrics-addr be an address that is not loopback",
		ptr:  func(c *Config) any { return &c.MetricsAllowRemote },
	},
}
