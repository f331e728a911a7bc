package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"time"

	"inferd/internal/store/modelname"
)

// fileConfig is what the config file says.
type fileConfig struct {
	path     string
	values   map[string]given // by setting name
	backends []Backend        // keys of openai entries not looked up yet
	keyEnv   string           // listen.api_key_env
	// legacy is the `model` object; its n_ctx and n_gpu_layers are settings and
	// may be overridden.
	legacy *Model
}

// readFile reads and checks the file at path. A missing file is no error
// unless the path was asked for by name, or is there as a link that leads nowhere.
func readFile(path string, asked bool) (*fileConfig, error) {
	data, err := readCapped(path)
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	if missing && !asked {
		if _, err := os.Lstat(path); err != nil {
			return &fileConfig{}, nil
		}
	}
	if err != nil {
		return nil, usagef("config %s: %v", path, pathless(err))
	}
	return parseFile(path, data)
}

// readCapped refuses what is no regular file: reading a pipe could block.
func readCapped(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("larger than %s", formatSize(maxFileBytes))
	}
	return data, nil
}

// pathless drops the operation and path that os puts in front.
func pathless(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// parseFile checks the whole file and reports everything that is wrong with it.
func parseFile(path string, data []byte) (*fileConfig, error) {
	rep := &report{}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, usagef("config %s: begins with a byte order mark: save it without one", path)
	}
	root, bad := parseTree(data)
	if bad != nil {
		rep.problems = append(rep.problems, *bad)
		return nil, rep.err(path)
	}
	f := &fileConfig{path: path, values: make(map[string]given)}
	o := objectOf(root, "", rep)
	f.readSettings(o)
	if n := o.get("listen"); n != nil {
		f.readListen(o, objectOf(n, "listen.", rep))
	}
	if n := o.get("model"); n != nil {
		m := readModel(objectOf(n, "model.", rep))
		f.legacy = &m
	}
	if n := o.get("backends"); n != nil {
		f.backends = readBackends(o, n)
	}
	for _, other := range []string{"model", "backend"} {
		if o.has("backends") && o.has(other) {
			o.fail(other, "backends is given too: they are mutually exclusive")
		}
	}
	o.done()
	return f, rep.err(path)
}

func (f *fileConfig) set(s *setting, line int, text string) {
	f.values[s.name] = given{text, Origin{FromFile, fmt.Sprintf("%s:%d", f.path, line)}}
}

// readSettings reads the keys that are flags too.
func (f *fileConfig) readSettings(o *object) {
	for i := range settings {
		s := &settings[i]
		if !s.inFile() {
			continue
		}
		if text, ok := o.setting(s, s.key()); ok {
			f.set(s, o.fields[s.key()].line, text)
		}
		if !s.secs {
			continue
		}
		secsKey := s.key() + "_secs"
		if o.get(secsKey) == nil {
			continue
		}
		var d time.Duration
		before := len(o.rep.problems)
		o.duration(s.key(), &d, time.Duration(s.min))
		if len(o.rep.problems) == before {
			f.set(s, o.fields[secsKey].line, formatDuration(d))
		}
	}
}

// readListen reads the older home of the TCP addresses.
func (f *fileConfig) readListen(root, o *object) {
	for _, pair := range [][2]string{
		{"tcp", "tcp"}, {"tcp_v2", "v2-tcp"}, {"tcp_embed", "embed-tcp"},
	} {
		key, s := pair[0], lookup(pair[1])
		text, ok := o.setting(s, key)
		switch {
		case !ok:
		case strings.TrimSpace(text) == "":
			o.fail(key, "must not be empty")
		case root.has(s.key()):
			o.fail(key, "%s is given too: keep one of them", s.key())
		default:
			f.set(s, o.fields[key].line, text)
		}
	}
	o.text("api_key_env", &f.keyEnv)
	o.done()
}

// readModel reads a `model` object.
func readModel(o *object) Model {
	var m Model
	o.need("name", &m.Name)
	if err := modelname.Check(m.Name); m.Name != "" && err != nil {
		o.fail("name", "%v", err)
	}
	o.need("sha256", &m.SHA256)
	if m.SHA256 != "" && !isLowerSHA256(m.SHA256) {
		o.fail("sha256", "want 64 lower-case hex digits")
	}
	if n := o.get("size_bytes"); n != nil {
		if v, ok := o.whole("size_bytes", n, 1, math.MaxInt64); ok {
			m.SizeBytes = v
		}
	}
	o.str("source_url", &m.SourceURL)
	if m.SourceURL != "" && !strings.HasPrefix(m.SourceURL, "https://") {
		o.fail("source_url", "must start with https://")
	}
	o.str("license", &m.License)
	o.done()
	return m
}

func isLowerSHA256(text string) bool {
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return len(text) == 64
}

// cut shortens a wrong name for an error.
func cut(name string) string {
	const maxBytes = 128
	if len(name) > maxBytes {
		return name[:maxBytes] + "..."
	}
	return name
}
