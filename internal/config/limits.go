package config

import "time"

// Bounds of what a configuration may ask for. They keep a typing error from
// becoming an outage; the host's own limits are the business of internal/limits.
const (
	maxFileBytes = 1 << 20 // a config file; the real ones have a few hundred bytes
	maxDepth     = 16      // nesting in the file; the schema needs 4
	maxProblems  = 20      // reported of one file

	maxPermits     = 65_536
	maxQueueDepth  = 1 << 20
	maxBackends    = 64
	maxWeight      = 1000
	maxLoops       = 256
	maxGenerations = 100
	maxConnections = 1 << 20
	maxIDs         = 256 // entries of --allow-uid or --allow-gid
	maxMockTokens  = 1 << 24

	minOutputBytes   = 4 << 10
	minInboundBytes  = 64 << 10
	minPipelineBytes = 4 << 10
	minLogBytes      = 64 << 10
	maxSizeBytes     = 1 << 44

	maxDuration = 30 * 24 * time.Hour

	defaultEmbedNCtx = 2048
)
