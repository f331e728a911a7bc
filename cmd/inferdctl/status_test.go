package main

import (
	"path/filepath"
	"strings"
	"testing"

	"inferd/client"
)

const (
	eventStarting = `{"id":"admin","status":"starting","type":"status"}` + "\n"
	eventLoading  = `{"downloaded_bytes":1048576,"id":"admin","phase":"download",` +
		`"source_url":"https://m.example/m","status":"loading_model","total_bytes":4194304,` +
		`"type":"status"}` + "\n"
	eventCapabilities = `{"accelerator":"cpu","audio":false,"backend":"mock","gpu_layers":0,` +
		`"id":"admin","status":"capabilities","tools":true,"type":"status","v2":true}` + "\n"
	eventReady    = `{"id":"admin","status":"ready","type":"status"}` + "\n"
	eventDraining = `{"id":"admin","status":"draining","type":"status"}` + "\n"
)

func TestStatus(t *testing.T) {
	f := func(name, frames string, wantCode int, wantOut, wantErr string) {
		t.Run(name, func(t *testing.T) {
			got := runWith(t, "", "status", "--admin-addr", saying(t, frames))
			if got.code != wantCode || got.stdout != wantOut {
				t.Errorf("exit %d, stdout:\n%s\nwant exit %d, stdout:\n%s",
					got.code, got.stdout, wantCode, wantOut)
			}
			if !strings.Contains(got.stderr, wantErr) || (wantErr == "") != (got.stderr == "") {
				t.Errorf("stderr %q, want %q in it", got.stderr, wantErr)
			}
		})
	}
	f("ready", eventReady, exitOK, eventReady, "")
	f("capabilities first", eventCapabilities+eventReady+eventDraining, exitOK,
		eventCapabilities+eventReady, "")
	f("loading", eventLoading, exitFailed, eventLoading, "")
	f("draining", eventDraining, exitFailed, eventDraining, "")
	f("keys are sorted", `{"type":"status","status":"ready","id":"admin"}`+"\n", exitOK, eventReady, "")
	f("a burst of capabilities", strings.Repeat(eventCapabilities, maxStatusFrames-1)+eventReady, exitOK,
		strings.Repeat(eventCapabilities, maxStatusFrames-1)+eventReady, "")
	f("capabilities without end", strings.Repeat(eventCapabilities, maxStatusFrames+1), exitError,
		strings.Repeat(eventCapabilities, maxStatusFrames), "error: no state within 100 frames")
	f("hangs up", eventCapabilities, exitError, eventCapabilities, "error: the daemon closed")
	f("not json", "hello\n", exitError, "", "error: read the state: ")
}

func TestStatusWithoutDaemon(t *testing.T) {
	got := runWith(t, "", "status", "--admin-addr", filepath.Join(t.TempDir(), "none"))
	if got.code != exitError || got.stdout != "" {
		t.Errorf("exit %d, stdout %q", got.code, got.stdout)
	}
	if !strings.HasPrefix(got.stderr, "error: ") || !strings.Contains(got.stderr, "is inferd running?") {
		t.Errorf("stderr %q: want the error and what to do", got.stderr)
	}
}

func TestStatusAddressFromEnvironment(t *testing.T) {
	t.Setenv("INFERD_ADMIN_ADDR", saying(t, eventReady))
	if got := runWith(t, "", "status"); got.code != exitOK || got.stdout != eventReady {
		t.Errorf("%+v", got)
	}
}

func TestWatch(t *testing.T) {
	frames := eventStarting + eventLoading + eventCapabilities + eventReady
	got := runWith(t, "", "watch", "--admin-addr", saying(t, frames))
	if got.code != exitError || got.stdout != frames {
		t.Errorf("exit %d, stdout:\n%s", got.code, got.stdout)
	}
	if want := "error: the daemon closed the connection\n"; got.stderr != want {
		t.Errorf("stderr %q, want %q", got.stderr, want)
	}
}

// TestDescribe checks the lines for people; in a test stdout is no terminal, so
// they carry no colour.
func TestDescribe(t *testing.T) {
	f := func(frame, want string) {
		t.Helper()
		var event client.Event
		admin, err := client.DialAdmin(t.Context(), saying(t, frame))
		if err == nil {
			event, err = admin.Recv(t.Context())
			_ = admin.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := newApp(nil, nil, nil).describe(&event); got != want {
			t.Errorf("%s\n got %q\nwant %q", frame, got, want)
		}
	}
	f(eventStarting, "starting")
	f(eventReady, "ready")
	f(eventLoading, "loading: downloading https://m.example/m 1.0 of 4.0 MiB (25%)")
	f(eventCapabilities, "backend mock: tools, v2 accelerator=cpu gpu_layers=0")
	f(`{"id":"admin","phase":"kv_cache","n_ctx":8192,"status":"loading_model","type":"status"}`+"\n",
		"loading model: kv cache n_ctx=8192")
	f(`{"type":"status","status":"bad\u001b[2Jname"}`+"\n", "bad�[2Jname")
}
