package lint

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type goPackage struct {
	ImportPath string
	Name       string
	Dir        string
	Imports    []string
	GoFiles    []string // without tests
}

// packages lists every package of the module with what its code imports, tests
// left out.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Dir,Imports,GoFiles", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// in says whether the package at path is one of rooms or below one.
func in(path string, rooms ...string) bool {
	return slices.ContainsFunc(rooms, func(room string) bool {
		return path == "inferd/"+room || strings.HasPrefix(path, "inferd/"+room+"/")
	})
}

func TestRooms(t *testing.T) {
	all := packages(t)
	only := func(imported string, rooms ...string) {
		t.Helper()
		used := false
		for _, p := range all {
			for _, i := range p.Imports {
				if i != imported && !strings.HasPrefix(i, imported+"/") {
					continue
				}
				if used = true; !in(p.ImportPath, rooms...) {
					t.Errorf("%s imports %s; only %v may", p.ImportPath, i, rooms)
				}
			}
		}
		if !used {
			t.Errorf("nobody imports %s: is the rule about something that is gone?", imported)
		}
	}
	// The baselines are servers in their own right.
	only("github.com/panjf2000/gnet/v2", "loop", "bench/baseline")
	only("github.com/bytedance/sonic", "codec", "bench/baseline")
	only("github.com/VictoriaMetrics/metrics", "internal/metrics", "internal/daemon")
	only("github.com/ebitengine/purego", "engine/llamacpp")
	only("charm.land/bubbletea/v2", "cmd/inferdctl")

	never := func(room string, forbidden ...string) {
		t.Helper()
		for _, p := range all {
			if !in(p.ImportPath, room) {
				continue
			}
			for _, i := range p.Imports {
				if in(i, forbidden...) && !in(i, room) {
					t.Errorf("%s imports %s, against the direction of the data", p.ImportPath, i)
				}
			}
		}
	}
	rooms := []string{"loop", "codec", "admit", "route", "engine", "client", "cmd", "bench", "internal"}
	never("codec", rooms...)
	never("admit", rooms...)
	never("loop", "engine", "route", "admit", "client", "cmd", "bench", "internal")
	never("engine", "loop", "route", "admit", "client", "cmd", "bench")
	never("route", "loop", "codec", "admit", "client", "cmd", "bench", "internal")
	never("client", "loop", "engine", "route", "admit", "cmd", "bench")
	never("internal", "cmd", "bench", "tests")
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		doc := filepath.Join(p.Dir, "doc.go")
		if len(p.GoFiles) == 0 || p.Name == "main" {
			continue // tests only, or a command, whose main.go says it
		}
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Errorf("%s has no doc.go", p.ImportPath)
			continue
		}
		if !strings.HasPrefix(string(text), "// Package ") {
			t.Errorf("%s: doc.go does not begin with what the package is", p.ImportPath)
		}
	}
}
