package admin

import (
	"encoding/json"
	"fmt"
	"time"

	"inferd/internal/redact"
)

// Commands is what the daemon lets an operator do. The methods are called from
// clients' goroutines, several at a time.
type Commands interface {
	// Stats is a value that encodes as a JSON object.
	Stats() any
	Connections() []ConnInfo
	// Closed are the last closed connections, the newest last.
	Closed() []ClosedConn
	// Drain begins the shutdown and returns at once.
	Drain()
	// Reload reads the configuration again; an error leaves the old settings.
	Reload() error
	SetLogLevel(level string) error
	// Cancel closes a connection and ends its work.
	Cancel(conn uint64) error
}

// ConnInfo is one open connection.
type ConnInfo struct {
	ID                 uint64 `json:"id"`
	Peer               string `json:"peer"`
	Wire               string `json:"wire,omitempty"` // v1, v2, embed
	AgeMS              int64  `json:"age_ms"`
	BytesIn            uint64 `json:"bytes_in"`
	BytesOut           uint64 `json:"bytes_out"`
	RunningRequest     string `json:"running_request,omitempty"` // the client's id for it
	Requests           uint64 `json:"requests"`                  // lines taken up so far
	PendingRequests    int    `json:"pending_requests"`          // of these, not yet answered
	PendingOutputBytes int    `json:"pending_output_bytes"`
}

// ClosedConn is one connection that is gone.
type ClosedConn struct {
	ID     uint64    `json:"id"`
	Peer   string    `json:"peer"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// command is one line from a client. Unknown members are ignored, for clients
// may be newer than the daemon.
type command struct {
	Type    string          `json:"type"`
	Command string          `json:"command"`
	Level   json.RawMessage `json:"level"` // of log_level: a string
	Conn    json.RawMessage `json:"conn"`  // of cancel: a number above 0
}

// answer is the one reply frame to a command line. refusal, if not nil, says
// why this client may not command.
func answer(line []byte, c Commands, refusal error) []byte {
	var cmd command
	if err := json.Unmarshal(line, &cmd); err != nil {
		// The decoder's text quotes the input; it stays here.
		return failed("", "not a JSON object with string \"type\" and \"command\"")
	}
	switch {
	case cmd.Type != "command":
		return failed(cmd.Command, `"type" must be "command"`)
	case refusal != nil:
		return failed(cmd.Command, refusal.Error())
	case c == nil:
		return failed(cmd.Command, "the daemon takes no commands yet")
	}
	extra, err := run(cmd, c)
	if err != nil {
		return failed(cmd.Command, err.Error())
	}
	extra["ok"] = true
	return reply(cmd.Command, extra)
}

func run(cmd command, c Commands) (fields, error) {
	switch cmd.Command {
	case "stats":
		return fields{"stats": c.Stats()}, nil
	case "connections":
		return connections(c), nil
	case "drain":
		c.Drain()
		return fields{}, nil
	case "reload":
		return fields{}, c.Reload()
	case "log_level":
		var level string
		if json.Unmarshal(cmd.Level, &level) != nil || level == "" {
			return nil, fmt.Errorf(`log_level needs "level": debug, info, warn, error or off`)
		}
		return fields{"level": level}, c.SetLogLevel(level)
	case "cancel":
		var conn uint64
		if json.Unmarshal(cmd.Conn, &conn) != nil || conn == 0 {
			return nil, fmt.Errorf(`cancel needs "conn": a connection's id`)
		}
		return fields{"conn": conn}, c.Cancel(conn)
	default:
		return nil, fmt.Errorf(
			"unknown command: use stats, connections, drain, reload, log_level or cancel",
		)
	}
}

func connections(c Commands) fields {
	open, closed := c.Connections(), c.Closed()
	if open == nil {
		open = []ConnInfo{} // an empty list, not null
	}
	if closed == nil {
		closed = []ClosedConn{}
	}
	for i := range open {
		open[i].RunningRequest = redact.Cut(open[i].RunningRequest, maxTextBytes)
	}
	return fields{"connections": open, "closed": closed}
}

func failed(cmd, text string) []byte {
	return reply(cmd, fields{"ok": false, "error": redact.Cut(text, maxErrorBytes)})
}

func reply(cmd string, f fields) []byte {
	f["id"], f["type"], f["command"] = "admin", "reply", redact.Cut(cmd, maxTextBytes)
	return encode(f)
}
