package config

import "strings"

// setting is one row: everything that is known about one setting.
type setting struct {
	name  string // flag without dashes; environment name and file key derive from it
	arg   string // placeholder in --help; empty for switches
	group string
	kind  kind
	def   string // default as a user would write it
	show  string // default as --help tells it, where def would not be clear
	help  string // no full stop; what happens at the limit, where there is one

	choices  []string // kindEnum
	min, max int64    // inclusive; for durations in nanoseconds; max 0 is unbounded

	secret bool     // masked wherever it is shown, never in the file
	noFile bool     // not a key of the file for another reason
	live   bool     // Reload applies it without a restart
	secs   bool     // also as NAME-secs with a plain number of seconds
	envs   []string // further environment names, looked up after the derived one

	ptr func(*Config) any // the field
}

// about is the kind of backend that s describes, empty if it describes none. An
// upstream's key may serve several.
func (s *setting) about() string {
	switch s.name {
	case "model-path", "model-sha256", "n-ctx", "n-gpu-layers":
		return KindLlamaCpp
	case "openai-api-key":
		return ""
	}
	switch {
	case strings.HasPrefix(s.name, "openai-"):
		return KindOpenAI
	case strings.HasPrefix(s.name, "mock-"):
		return KindMock
	}
	return ""
}

// envName is the variable that sets s.
func (s *setting) envName() string { return envName(s.name) }

// key is the key of the config file that sets s.
func (s *setting) key() string { return strings.ReplaceAll(s.name, "-", "_") }

// inFile tells whether s may be set in the file.
func (s *setting) inFile() bool { return !s.secret && !s.noFile }

func envName(flag string) string {
	return "INFERD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// The groups of --help, in its order.
const (
	groupEndpoints = "Endpoints"
	groupAccess    = "Access"
	groupBackend   = "Backends"
	groupMock      = "Mock backend (tests and load)"
	groupAdmission = "Admission"
	groupDeadlines = "Deadlines"
	groupLimits    = "Limits"
	groupLogging   = "Logging and metrics"
)

var groups = []string{
	groupEndpoints, groupAccess, groupBackend, groupMock,
	groupAdmission, groupDeadlines, groupLimits, groupLogging,
}

// secsSuffix is appended to a duration's name for the spelling in seconds.
const secsSuffix = "-secs"

var settings = concat(
	endpointSettings, accessSettings, backendSettings, mockSettings,
	admissionSettings, deadlineSettings, limitSettings, loggingSettings,
)

func concat(tables ...[]setting) []setting {
	var all []setting
	for _, t := range tables {
		for _, s := range t {
			if s.kind == kindDuration && s.max == 0 {
				s.max = int64(maxDuration)
			}
			all = append(all, s)
		}
	}
	return all
}

// lookup finds a row by flag name.
func lookup(name string) *setting {
	for i := range settings {
		if settings[i].name == name {
			return &settings[i]
		}
	}
	return nil
}
