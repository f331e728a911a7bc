package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLayout(t *testing.T) {
	l := layout{"/r"}
	got := []string{
		l.blob(helloSHA), l.partial(helloSHA), l.manifest("m"), l.nameLock("m"),
		l.quarantineDir(),
	}
	want := []string{
		"/r/blobs/sha256/b9/" + helloSHA + "/data",
		"/r/blobs/sha256/b9/.partial-" + helloSHA + "/data.tmp",
		"/r/manifests/m.json", "/r/locks/m.lock", "/r/locks/quarantine",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	l = layout{filepath.Join(t.TempDir(), "deep", "store")}
	for range 2 { // idempotent
		if err := l.create(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlobRef(t *testing.T) {
	f := func(ref string, ok bool) {
		t.Helper()
		sha, err := parseBlobRef(ref)
		if (err == nil) != ok || ok && blobPrefix+sha != ref {
			t.Errorf("parseBlobRef(%q) = %q, %v; want ok %v", ref, sha, err, ok)
		}
	}
	f("sha256:"+helloSHA, true)
	f(helloSHA, false)
	f("sha512:"+helloSHA, false)
	f("sha256:"+strings.ToUpper(helloSHA), false)
	f("sha256:"+helloSHA[:63], false)
	f("sha256:../../../etc/passwd", false)
	f("", false)
}

const goldenManifest = `{
  "schema_version": 1,
  "name": "m",
  "format": "gguf",
  "blob": "sha256:` + helloSHA + `",
  "size_bytes": 11,
  "license": "gemma",
  "source": {
    "registry": "h.example",
    "repo": "a/b",
    "revision": "",
    "filename": "c.gguf"
  },
  "produced_by": "inferd/1",
  "produced_at": "1970-01-01T00:00:00Z"
}
`

func TestManifestRoundTrip(t *testing.T) {
	l := layout{t.TempDir()}
	if err := l.create(); err != nil {
		t.Fatal(err)
	}
	if m, err := l.readManifest("m"); m != nil || err != nil {
		t.Errorf("absent manifest: %v, %v", m, err)
	}
	license := "gemma"
	want := &Manifest{
		SchemaVersion: 1, Name: "m", Format: "gguf", Blob: "sha256:" + helloSHA, SizeBytes: 11,
		License: &license, Source: sourceOf("https://u:p@h.example/a/b/c.gguf?sig=s"),
		ProducedBy: "inferd/1", ProducedAt: timestamp(time.Unix(0, 999)),
	}
	if err := l.writeManifest(want); err != nil {
		t.Fatal(err)
	}
	got, err := l.readManifest("m")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	text, err := os.ReadFile(l.manifest("m"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goldenManifest, string(text)); d != "" {
		t.Errorf("file (-want +got):\n%s", d)
	}
	if exists(l.manifest("m") + ".tmp") {
		t.Error("the temporary file was left behind")
	}
}

func TestManifestErrors(t *testing.T) {
	l := layout{t.TempDir()}
	if err := l.create(); err != nil {
		t.Fatal(err)
	}
	good := `"schema_version": 1, "name": "m", "blob": "sha256:` + helloSHA + `"`
	f := func(text, want string) {
		t.Helper()
		if err := os.WriteFile(l.manifest("m"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := l.readManifest("m")
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			return
		}
		wantError(t, text, err, want)
	}
	f("{"+good+`, "later_key": [1]}`, "")
	f("", "is not valid")
	f("[]", "is not valid")
	f(`{"schema_version": 2, "name": "m"}`, "schema_version 2, this version knows 1")
	f(`{"schema_version": 1, "name": "m", "blob": "sha256:../x"}`, "bad blob reference")
	f(strings.Replace("{"+good+"}", `"m"`, `"other"`, 1), `is that of "other"`)
}

// FuzzManifest looks for crashes and for a manifest that leads out of the store.
func FuzzManifest(f *testing.F) {
	good, err := json.Marshal(Manifest{SchemaVersion: 1, Name: "m", Blob: blobPrefix + helloSHA})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema_version":1,"name":"m","blob":"sha256:../../x"}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := layout{t.TempDir()}
		if err := l.create(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(l.manifest("m"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := l.readManifest("m")
		if err != nil {
			return
		}
		if rel, err := filepath.Rel(l.blobsDir(), l.blob(m.SHA256())); err != nil ||
			strings.HasPrefix(rel, "..") {
			t.Errorf("blob at %s", l.blob(m.SHA256()))
		}
	})
}
