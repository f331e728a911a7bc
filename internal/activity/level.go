package activity

import (
	"fmt"
	"log/slog"
	"strings"
)

// LevelOff is above every level in use: nothing is logged.
const LevelOff = slog.Level(100)

// ParseLevel reads a level as --log-level and INFERD_LOG give it: debug, info,
// warn or error, with trace and warning as other names, or off for silence, with
// none and 0 as other names.
// Of a comma-separated filter the entry without a target counts; entries like
// "http=debug" are accepted and ignored, for there are no targets here.
func ParseLevel(s string) (slog.Level, error) {
	level := slog.LevelInfo
	for entry := range strings.SplitSeq(s, ",") {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if strings.Contains(entry, "=") {
			continue
		}
		switch entry {
		case "trace", "debug":
			level = slog.LevelDebug
		case "info", "":
			level = slog.LevelInfo
		case "warn", "warning":
			level = slog.LevelWarn
		case "error":
			level = slog.LevelError
		case "off", "none", "0":
			level = LevelOff
		default:
			return 0, fmt.Errorf("log level %q: use debug, info, warn, error or off", entry)
		}
	}
	return level, nil
}

// LevelName is the lower-case name in the file, and what ParseLevel reads back.
func LevelName(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "debug"
	case l < slog.LevelWarn:
		return "info"
	case l < slog.LevelError:
		return "warn"
	case l < LevelOff:
		return "error"
	default:
		return "off"
	}
}
