package daemon

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"inferd/engine"
	"inferd/internal/config"
)

// TestConfig_AgreesWithTheEngine: what --check-config takes starts, and what the engine
// refuses is refused with the file's line before.
func TestConfig_AgreesWithTheEngine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	f := func(good bool, key, baseURL, probePath string) {
		t.Helper()
		text, err := json.Marshal(map[string]any{"backends": []map[string]any{{
			"kind": "openai-compat", "name": "o", "model": "m",
			"base_url": baseURL, "probe_path": probePath, "probe_interval": "5s",
		}}})
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		cfg, _, err := config.Load([]string{"--config", file}, func(name string) string {
			return map[string]string{"HOME": filepath.Dir(file), "INFERD_OPENAI_API_KEY": key}[name]
		})
		if (err == nil) != good {
			t.Errorf("%q %q %q: the check says %v", key, baseURL, probePath, err)
		}
		if err != nil {
			return
		}
		eng, err := newOpenAI(cfg.Backends[0], engine.Hooks{})
		if err != nil {
			t.Errorf("%q %q %q passed the check and does not start: %v", key, baseURL, probePath, err)
			return
		}
		if err := eng.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
	f(true, "", "http://127.0.0.1:1", "/v1/models")
	f(true, "key", " https://[::1]:65535/some/v1/ ", "/")
	f(true, "key", "http://h", "")
	for _, base := range []string{
		"http://h?y=1", "http://h?", "http://h#f", "http://:8080", "http://", "ftp://h", "h", "http://u:p@h",
		"http://h:99999", "http://h:0", "http://h:x", "http://[::1",
	} {
		f(false, "", base, "/")
	}
	f(false, "", "http://h", "health")
	f(false, "", "http://h", "http://evil/")
	f(false, "a\nb", "http://h", "/")
	f(false, "ä", "http://h", "/")
}
