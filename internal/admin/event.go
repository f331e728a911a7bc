package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"inferd/engine"
	"inferd/internal/redact"
)

// Event is one status frame, ready to send.
type Event struct {
	status  string
	backend string // of a capabilities event: the entry it describes
	frame   []byte
}

// fields are the members of a frame. encoding/json sorts a map's keys, which is
// the order upstream has.
type fields map[string]any

const statusDraining = "draining"

// Starting is the state of a process that has loaded nothing yet.
func Starting() Event { return state("starting", fields{}) }

// Ready means that inference is served.
func Ready() Event { return state("ready", fields{}) }

// Draining means that the shutdown has begun.
func Draining() Event { return state(statusDraining, fields{}) }

// Loading is a phase on the way to Ready.
func Loading(p Phase) Event { return state("loading_model", p.fields()) }

// Restarting is a phase on the way back to Ready.
func Restarting(p Phase) Event { return state("restarting", p.fields()) }

func state(status string, f fields) Event {
	f["id"], f["type"], f["status"] = "admin", "status", status
	return Event{status: status, frame: encode(f)}
}

// Phase is one step of loading.
type Phase struct {
	name string
	keys fields
}

func (p Phase) fields() fields {
	f := fields{"phase": p.name}
	for k, v := range p.keys {
		if s, ok := v.(string); ok {
			v = redact.String(s) // a base URL may carry a key
		}
		f[k] = v
	}
	return f
}

// CheckingLocal looks for a model at path. Backends without a file give a
// pseudo path in parentheses, such as (mock).
func CheckingLocal(path string) Phase {
	return Phase{"checking_local", fields{"path": path}}
}

// Download reports progress; total is negative if unknown.
func Download(done, total int64, sourceURL string) Phase {
	f := fields{"downloaded_bytes": done, "total_bytes": any(nil), "source_url": sourceURL}
	if total >= 0 {
		f["total_bytes"] = total
	}
	return Phase{"download", f}
}

// Verify hashes the file at path.
func Verify(path string) Phase { return Phase{"verify", fields{"path": path}} }

// Quarantine moved a file away whose hash was wrong.
func Quarantine(path, expectedSHA256, actualSHA256, quarantinePath string) Phase {
	return Phase{"quarantine", fields{
		"path": path, "expected_sha256": expectedSHA256, "actual_sha256": actualSHA256,
		"quarantine_path": quarantinePath,
	}}
}

// EnginePhase is p as an engine reported it: mmap of a path, kv_cache of a context.
func EnginePhase(p engine.Phase) Phase {
	f := fields{}
	if p.Path != "" {
		f["path"] = p.Path
	}
	if p.NCtx != 0 {
		f["n_ctx"] = p.NCtx
	}
	return Phase{p.Name, f}
}

// Capabilities say what the backend of the given config entry can do. It is
// not a lifecycle state.
func Capabilities(entry string, c engine.Capabilities) Event {
	accelerator := c.Accelerator
	if accelerator == "" {
		accelerator = "cpu"
	}
	f := fields{
		"backend": redact.String(entry), "v2": c.V2, "vision": c.Vision, "audio": c.Audio,
		"tools": c.Tools, "thinking": c.Thinking, "embed": c.Embed,
		"accelerator": accelerator, "gpu_layers": c.GPULayers,
	}
	for key, text := range map[string]string{
		"device_name": c.DeviceName, "model": c.Model, "note": c.Note,
	} {
		if text != "" && text != entry { // a model named like its entry tells nothing new
			f[key] = redact.String(text)
		}
	}
	e := state("capabilities", f)
	e.backend = entry
	return e
}

// encode is f as one line.
func encode(f fields) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // paths and notes are for people, not for HTML
	if err := enc.Encode(f); err != nil {
		// Only what Commands.Stats returned can fail to encode; the client
		// must get its one reply all the same.
		command, _ := f["command"].(string)
		text := redact.Cut(fmt.Sprintf("reply cannot be encoded: %v", err), maxErrorBytes)
		return fmt.Appendf(nil, `{"command":%s,"error":%s,"id":"admin","ok":false,"type":"reply"}`+"\n",
			strconv.QuoteToASCII(command), strconv.QuoteToASCII(text))
	}
	return b.Bytes()
}
