package daemon

import (
	"slices"
	"testing"

	"inferd/internal/config"
)

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
