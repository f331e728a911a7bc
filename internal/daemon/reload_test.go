package daemon

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"inferd/internal/config"
)

// TestBuiltinPermitsAreDocumented: the default that the help shows is config's,
// the one in force here.
func TestBuiltinPermitsAreDocumented(t *testing.T) {
	want := fmt.Sprintf("%d for the built-in model", builtinPermits)
	for _, r := range config.Rows() {
		if r.Flag == "active-permits" && !strings.Contains(r.Default, want) {
			t.Errorf("--active-permits says its default is %q, want %q in it", r.Default, want)
		}
	}
}

func TestOutrun(t *testing.T) {
	f := func(permits int, want ...string) {
		t.Helper()
		d := &Daemon{parallel: 4}
		for name, kind := range map[string]string{
			"gguf": config.KindLlamaCpp, "test": config.KindMock, "cloud": config.KindOpenAI,
		} {
			d.backends = append(d.backends, backend{conf: config.Backend{Name: name, Kind: kind}})
		}
		if got := d.outrun(permits); !slices.Equal(got, want) {
			t.Errorf("outrun(%d) = %v, want %v", permits, got, want)
		}
	}
	f(1)
	f(4)
	f(5, "gguf")
}
