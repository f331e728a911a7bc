package rundir

import (
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultOrder(t *testing.T) {
	own := "/tmp/inferd-" + strconv.Itoa(os.Getuid())
	f := func(env map[string]string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range Candidates(envOf(env)) {
			got = append(got, p.Dir)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("Candidates(%v) (-want +got):\n%s", env, d)
		}
		if got := Default(envOf(env)).Dir; got != want[0] {
			t.Errorf("Default(%v) = %s, want %s", env, got, want[0])
		}
	}
	f(map[string]string{"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/u"},
		"/run/user/7/inferd", "/home/u/.inferd/run", own, "/tmp/inferd")
	f(map[string]string{"XDG_RUNTIME_DIR": "", "HOME": "/home/u"},
		"/home/u/.inferd/run", own, "/tmp/inferd")
	f(nil, own, "/tmp/inferd")
	f(map[string]string{"TMPDIR": "/elsewhere"}, own, "/tmp/inferd")
}

func TestModelsHome(t *testing.T) {
	f := func(env map[string]string, want string) {
		t.Helper()
		if got := ModelsHome(envOf(env)); got != want {
			t.Errorf("ModelsHome(%v) = %q, want %q", env, got, want)
		}
	}
	f(map[string]string{"MODELS_HOME": "/m", "XDG_DATA_HOME": "/x", "HOME": "/h"}, "/m")
	f(map[string]string{"MODELS_HOME": "~/m", "HOME": "/h"}, "/h/m")
	f(map[string]string{"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/models")
	f(map[string]string{"HOME": "/h"}, "/h/.local/share/models")
	f(nil, "")
}
