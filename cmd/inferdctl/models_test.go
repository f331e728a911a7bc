package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inferd/engine/llamacpp/builtin"
)

// home makes an environment of its own with an empty store and returns the
// home directory and the path of a model file with its hash.
func home(t *testing.T) (dir, model, sha string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("MODELS_HOME", filepath.Join(dir, "models"))
	t.Setenv("INFERD_CONFIG", "")
	content := builtin.Bytes()
	model = filepath.Join(dir, "tiny.gguf")
	if err := os.WriteFile(model, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, model, fmt.Sprintf("%x", sha256.Sum256(content))
}

// configFor writes a config file with one llamacpp backend.
func configFor(t *testing.T, dir, name, sha string) string {
	t.Helper()
	path := filepath.Join(dir, "config.json")
	text := fmt.Sprintf(`{"backends":[{"kind":"llamacpp","name":"local","model":{"name":%q,`+
		`"sha256":%q,"source_url":"https://models.invalid/tiny.gguf"}}]}`, name, sha)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// must runs a command line that has to succeed.
func must(t *testing.T, args ...string) result {
	t.Helper()
	got := runWith(t, "", args...)
	if got.code != exitOK {
		t.Fatalf("%v: %+v", args, got)
	}
	return got
}

// TestModelLife imports, lists, verifies, pulls and removes one model.
func TestModelLife(t *testing.T) {
	dir, model, sha := home(t)
	size := bytesText(int64(len(builtin.Bytes())))
	blob := filepath.Join(dir, "models", "blobs", "sha256", sha[:2], sha, "data")

	if got := must(t, "list"); got.stdout != "" || !strings.Contains(got.stderr, "store is empty") {
		t.Errorf("list of nothing: %+v", got)
	}
	if got := must(t, "import", model, "--expect-sha256", strings.ToUpper(sha)); got.stdout != blob+"\n" {
		t.Errorf("import printed %q, want %s", got.stdout, blob)
	}
	if _, err := os.Stat(model); err != nil {
		t.Errorf("the imported file is gone: %v", err)
	}
	table := must(t, "list").stdout
	if !strings.Contains(table, "tiny  "+size+"  "+sha[:12]+"  local-import  ok") {
		t.Errorf("list:\n%s", table)
	}
	var entry struct{ Name, Path, SHA256 string }
	if err := json.Unmarshal([]byte(must(t, "list", "--json").stdout), &entry); err != nil ||
		entry.Name != "tiny" || entry.Path != blob || entry.SHA256 != sha {
		t.Errorf("list --json: %+v, %v", entry, err)
	}
	if got := must(t, "verify").stdout; got != "[ ok ] tiny: sha256:"+sha+"\n" {
		t.Errorf("verify: %s", got)
	}

	// What is there is not downloaded again.
	config := configFor(t, dir, "tiny", sha)
	got := must(t, "pull", "--config", config)
	if got.stdout != blob+"\n" || !strings.Contains(got.stderr, "inferdctl: pulling tiny -> "+dir) {
		t.Errorf("pull: %+v", got)
	}
	if got := must(t, "rm", "tiny").stdout; got != "removed tiny ("+size+" freed)\n" {
		t.Errorf("rm: %s", got)
	}
	if _, err := os.Stat(blob); err == nil {
		t.Error("the content is still there after rm")
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	dir, model, sha := home(t)
	blob := strings.TrimSpace(must(t, "import", model, "--name", "m").stdout)
	if err := os.Chmod(blob, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blob, []byte("not really a MODEL"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runWith(t, "", "verify", "m")
	if got.code != exitFailed || !strings.HasPrefix(got.stdout, "[FAIL] m: SHA-256 mismatch") {
		t.Errorf("%+v", got)
	}
	if got := runWith(t, "", "verify", "other"); got.code != exitFailed {
		t.Errorf("unknown model: %+v", got)
	}
	// The damaged bytes are in quarantine, which only gc --all empties.
	if got := must(t, "gc"); got.stdout != "" {
		t.Errorf("gc removed %s", got.stdout)
	}
	if got := must(t, "gc", "--all"); !strings.Contains(got.stdout, "sha") ||
		!strings.Contains(got.stderr, "1 files, 18 B freed") {
		t.Errorf("gc --all: %+v (hash %s, home %s)", got, sha, dir)
	}
}

func TestModelErrors(t *testing.T) {
	dir, model, sha := home(t)
	config := configFor(t, dir, "tiny", sha)
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, args ...string) {
		t.Helper()
		got := runWith(t, "", args...)
		if got.code != exitError || got.stdout != "" || !strings.Contains(got.stderr, want) ||
			!strings.Contains(got.stderr, "error: ") {
			t.Errorf("%v: %+v, want %q", args, got, want)
		}
	}
	f("pull needs a config file", "pull")
	f(`no backend names the model "huge"`, "pull", "huge", "--config", config)
	f("broken.json", "pull", "--config", broken)
	f("broken.json", "import", model, "--config", broken)
	f("SHA-256 mismatch", "import", model, "--expect-sha256", strings.Repeat("0", 64))
	f("name", "import", model, "--name", "../up")
	f("not in the store", "rm", "tiny")
	f("requires at least 1 arg", "rm")
	junk := filepath.Join(dir, "junk.gguf")
	if err := os.WriteFile(junk, []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := must(t, "import", junk) // the store is not for inferd alone
	if want := "warning: inferd will not load it: "; !strings.HasPrefix(got.stderr, want) {
		t.Errorf("import of junk says %q, want %q", got.stderr, want)
	}
	junkConfig := fmt.Sprintf(`{"model_path": %q}`, junk)
	if err := os.WriteFile(config, []byte(junkConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	got = runWith(t, "", "doctor", "--config", config, "--admin-addr", "/nowhere")
	if want := "] model[llamacpp]: model file " + junk + ": not a usable GGUF"; !strings.Contains(got.stdout, want) {
		t.Errorf("doctor lacks %q: %s", want, got.stdout)
	}
	// A config file that is named but missing does not keep import from working.
	must(t, "import", model, "--config", filepath.Join(dir, "none.json"))
}

func TestDoctor(t *testing.T) {
	dir, model, sha := home(t)
	blob := strings.TrimSpace(must(t, "import", model).stdout)
	admin := saying(t, eventCapabilities+eventReady)
	lines := func(got result) string { return "\n" + got.stdout }

	got := runWith(t, "", "doctor", "--config", configFor(t, dir, "tiny", sha), "--admin-addr", admin)
	for _, want := range []string{
		"\n[ ok ] config: " + filepath.Join(dir, "config.json") + "\n",
		"\n[ ok ] model[tiny]: " + blob + "\n",
		"\n[ ok ] manifest[tiny]: sha256:" + sha + "\n",
		"\n[ ok ] admin: ready\n",
		"\n[ ok ] backend: mock accelerator=cpu gpu_layers=0 tools=true v2=true\n",
	} {
		if !strings.Contains(lines(got), want) {
			t.Errorf("doctor lacks %q:\n%s", want, got.stdout)
		}
	}

	got = runWith(t, "", "doctor", "--config", configFor(t, dir, "absent", sha),
		"--admin-addr", filepath.Join(dir, "nobody"))
	if got.code != exitFailed || got.stderr != "" {
		t.Errorf("exit %d, stderr %q", got.code, got.stderr)
	}
	for _, want := range []string{
		"\n[FAIL] model[absent]: not in the store: run inferdctl pull\n",
		"\n[FAIL] manifest[absent]: ",
		"\n[FAIL] admin: dial admin socket: ",
	} {
		if !strings.Contains(lines(got), want) {
			t.Errorf("doctor lacks %q:\n%s", want, got.stdout)
		}
	}
}

// TestDoctorMissesTheFile: a file that was named and is not there keeps the daemon
// from starting.
func TestDoctorMissesTheFile(t *testing.T) {
	dir, _, _ := home(t)
	absent := filepath.Join(dir, "absent.json")
	want := "[FAIL] config: config " + absent + ": no such file or directory\n"
	f := func(want string, args ...string) {
		t.Helper()
		got := runWith(t, "", append(args, "doctor", "--admin-addr", filepath.Join(dir, "nobody"))...)
		if got.code != exitFailed || !strings.HasPrefix(got.stdout, want) {
			t.Errorf("%v: %+v, want %q", args, got, want)
		}
	}
	f("[ ok ] config: no file; the defaults apply\n")
	f(want, "--config", absent)
	t.Setenv("INFERD_CONFIG", absent)
	f(want)
}

func TestBytesText(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %s, want %s", n, got, want)
		}
	}
	f(0, "0 B")
	f(999, "999 B")
	f(1000, "1.0 kB")
	f(999_949, "999.9 kB")
	f(999_960, "1.0 MB")
	f(5_126_304_928, "5.1 GB")
	f(1<<62, "4.6 EB")
}
