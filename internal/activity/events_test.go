package activity

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// written is what the file holds after call; the clock stands still at
// 2000-01-01T00:00:00Z plus 123456 microseconds.
func written(t *testing.T, call func(l *Log)) (got string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(123456 * time.Microsecond)
		l := Open(Options{Dir: t.TempDir()})
		call(l)
		mustClose(t, l)
		b, err := os.ReadFile(l.Path())
		if err != nil {
			t.Fatal(err)
		}
		got = string(b)
	})
	return got
}

func TestEventLines(t *testing.T) {
	from := From{Conn: 7, Peer: "unix:1000:42"}
	v2 := From{Wire: V2, Conn: 8, Peer: "tcp:127.0.0.1:9"}
	embed := From{Wire: Embed, Conn: 9, Peer: "unix:-1:-1"}
	const at = `"t":"2000-01-01T00:00:00.123456+00:00"`
	f := func(call func(l *Log), want string) {
		t.Helper()
		if diff := cmp.Diff(want+"\n", written(t, call)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	done := RequestDone{
		From: from, ReqID: "r1", Backend: "mock", StopReason: "end",
		PromptTokens: 5, CompletionTokens: 3,
		QueueWait: 1500 * time.Microsecond, TTFT: 12 * time.Millisecond, Duration: 2 * time.Second,
	}
	f(func(l *Log) { l.RequestDone(&done) },
		`{"backend":"mock","completion_tokens":3,"component":"activity","conn":7,`+
			`"duration_ms":2000.000,"level":"info","msg":"request_done","peer":"unix:1000:42",`+
			`"prompt_tokens":5,"queue_wait_ms":1.500,"req_id":"r1","stop_reason":"End",`+
			at+`,"ttft_ms":12.000}`)
	done.From, done.StopReason, done.TTFT, done.Tools = v2, "end_turn", 0, 2
	f(func(l *Log) { l.RequestDone(&done) },
		`{"backend":"mock","component":"activity","conn":8,"duration_ms":2000.000,`+
			`"input_tokens":5,"level":"info","msg":"v2_request_done","n_attachments":0,"n_tools":2,`+
			`"output_tokens":3,"peer":"tcp:127.0.0.1:9","queue_wait_ms":1.500,"req_id":"r1",`+
			`"stop_reason":"EndTurn",`+at+`,"wire_version":"v2"}`)
	f(func(l *Log) { l.EmbedDone(&EmbedDone{From: embed, ReqID: "e", Inputs: 2, Dimensions: 8}) },
		`{"component":"activity","conn":9,"dimensions":8,"duration_ms":0.000,"input_tokens":0,`+
			`"level":"info","msg":"embed_request_done","n_inputs":2,"peer":"unix:-1:-1",`+
			`"queue_wait_ms":0.000,"req_id":"e",`+at+`,"wire_version":"embed"}`)
	f(func(l *Log) {
		l.ConnectionAccepted(&ConnectionAccepted{From: from, Transport: "unix", UID: 1000, PID: 42})
	}, `{"component":"activity","conn":7,"level":"info","msg":"connection_accepted",`+
		`"peer":"unix:1000:42","peer_pid":42,"peer_uid":1000,`+at+`,"transport":"unix"}`)
	f(func(l *Log) {
		l.ConnectionAccepted(&ConnectionAccepted{From: v2, Transport: "tcp"})
	}, `{"component":"activity","conn":8,"level":"info","msg":"v2_connection_accepted",`+
		`"peer":"tcp:127.0.0.1:9",`+at+`,"transport":"tcp","wire_version":"v2"}`)
	f(func(l *Log) { l.ConnectionRefused(&ConnectionRefused{Reason: "connection_limit", Limit: 16}) },
		`{"component":"activity","level":"warn","limit":16,"msg":"connection_refused",`+
			`"reason":"connection_limit",`+at+`}`)
	f(func(l *Log) {
		l.ConnectionRefused(&ConnectionRefused{
			From: From{Wire: V2, Peer: "unix:1000:42"}, Reason: "peer_not_allowed",
		})
	}, `{"component":"activity","level":"warn","msg":"connection_refused","peer":"unix:1000:42",`+
		`"reason":"peer_not_allowed",`+at+`,"wire_version":"v2"}`)
	f(func(l *Log) {
		l.ConnectionClosed(&ConnectionClosed{
			From: from, Reason: "slow_reader", BytesIn: 1, BytesOut: 2, Duration: time.Millisecond,
		})
	}, `{"bytes_in":1,"bytes_out":2,"component":"activity","conn":7,"duration_ms":1.000,`+
		`"level":"info","msg":"connection_closed","peer":"unix:1000:42","reason":"slow_reader",`+at+`}`)
	f(func(l *Log) { l.TCPAuthRejected(&TCPAuthRejected{From: v2, Reason: "wrong key"}) },
		`{"component":"activity","conn":8,"level":"warn","msg":"v2_tcp_auth_rejected",`+
			`"peer":"tcp:127.0.0.1:9","reason":"wrong key",`+at+`,"wire_version":"v2"}`)
	f(func(l *Log) {
		l.QueueFull(&QueueFull{From: from, ReqID: "q", Active: 1, Queued: 10, RetryAfterMS: 99})
	}, `{"active":1,"component":"activity","conn":7,"level":"warn","msg":"queue_full",`+
		`"peer":"unix:1000:42","queued":10,"req_id":"q","retry_after_ms":99,`+at+`}`)
	f(func(l *Log) { l.InvalidRequest(&InvalidRequest{From: from, Reason: "not JSON"}) },
		`{"component":"activity","conn":7,"level":"warn","msg":"invalid_request",`+
			`"peer":"unix:1000:42","reason":"not JSON",`+at+`}`)
	f(func(l *Log) { l.RequestOversized(&RequestOversized{From: from, LimitBytes: 64}) },
		`{"component":"activity","conn":7,"level":"warn","limit_bytes":64,`+
			`"msg":"request_oversized","peer":"unix:1000:42",`+at+`}`)
	f(func(l *Log) {
		l.RequestCancelled(&RequestCancelled{From: from, ReqID: "c", Stage: "queued", Reason: "eof"})
	}, `{"component":"activity","conn":7,"duration_ms":0.000,"level":"info",`+
		`"msg":"request_cancelled","peer":"unix:1000:42","reason":"eof","req_id":"c",`+
		`"stage":"queued",`+at+`}`)
	f(func(l *Log) {
		l.RequestErrorMidStream(&RequestErrorMidStream{From: from, ReqID: "m", Backend: "b"})
	}, `{"backend":"b","component":"activity","conn":7,"duration_ms":0.000,"level":"warn",`+
		`"msg":"request_error_mid_stream","peer":"unix:1000:42","req_id":"m",`+at+`}`)
	f(func(l *Log) { l.BackendFailed(&BackendFailed{Backend: "b", ReqID: "x", Reason: "refused"}) },
		`{"backend":"b","component":"activity","level":"warn","msg":"backend_failed",`+
			`"reason":"refused","req_id":"x",`+at+`}`)
	f(func(l *Log) { l.NoBackend(&NoBackend{From: from, ReqID: "x"}) },
		`{"component":"activity","conn":7,"level":"warn","msg":"no_backend","peer":"unix:1000:42",`+
			`"req_id":"x",`+at+`}`)
	f(func(l *Log) { l.Breaker("b", BreakerHalfOpen) },
		`{"backend":"b","component":"activity","level":"info","msg":"breaker_half_open",`+at+`}`)
	f(func(l *Log) { l.DrainCut(3, 4) },
		`{"component":"activity","level":"warn","msg":"drain_cut","queued":4,"running":3,`+at+`}`)
}

// TestSecretsStayOut: whatever field a client can put a secret in.
func TestSecretsStayOut(t *testing.T) {
	const secret = "sk-abcdefghijklmnop"
	got := written(t, func(l *Log) {
		l.RequestDone(&RequestDone{
			At: 12345, ReqID: secret, Backend: secret,
		})
		l.QueueFull(&QueueFull{ReqID: "id " + secret})
		l.InvalidRequest(&InvalidRequest{ReqID: secret, Reason: `{"password":"hunter2"}`})
		l.BackendFailed(&BackendFailed{Reason: "upstream said: Authorization: Bearer hunter2hunter2"})
		l.Logger("http").Error(secret, "api_key", "hunter2", "url", "http://h/?token=hunter2", secret, 1)
	})
	for _, s := range []string{secret, "hunter2"} {
		if strings.Contains(got, s) {
			t.Errorf("%q reached the file:\n%s", s, got)
		}
	}
	if n := strings.Count(got, "[REDACTED:"); n < 8 {
		t.Errorf("%d redaction marks, want at least 8:\n%s", n, got)
	}
}

func TestLongAndHostileStrings(t *testing.T) {
	f := func(id, want string) {
		t.Helper()
		got := written(t, func(l *Log) { l.RequestDone(&RequestDone{ReqID: id}) })
		var m struct {
			ReqID string `json:"req_id"`
		}
		if err := json.Unmarshal([]byte(got), &m); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if m.ReqID != want {
			t.Errorf("id of %d bytes became %q, want %q", len(id), m.ReqID, want)
		}
	}
	f("a\"b\\c\nd\x01e", "a\"b\\c\nd\x01e")
	f("\xff\xfe", "\ufffd\ufffd")
	f("snow ☃", "snow ☃")
	f(strings.Repeat("x", 1<<20), strings.Repeat("x", 256))
	f(strings.Repeat("x", 255)+"é", strings.Repeat("x", 255))
}

// TestLongestLineFitsItsReserve: the promise that no typed event grows the
// buffer.
func TestLongestLineFitsItsReserve(t *testing.T) {
	worst := strings.Repeat("\x01", maxStringBytes)
	got := written(t, func(l *Log) {
		from := From{Wire: Embed, Conn: 1<<64 - 1, Peer: TextOf(worst)}
		l.RequestCancelled(&RequestCancelled{
			From: from, ReqID: worst, Backend: worst, Stage: worst, Reason: worst, Duration: 1<<63 - 1,
		})
	})
	if len(got) > maxLineBytes {
		t.Errorf("a line of %d bytes, limit %d", len(got), maxLineBytes)
	}
}

func TestNoAllocations(t *testing.T) {
	l := Open(Options{Dir: t.TempDir(), Stderr: &bytes.Buffer{}})
	defer mustClose(t, l)
	done := &RequestDone{
		From: From{Conn: 7, Peer: "unix:1000:42"}, ReqID: "6fa459ea-ee8a-3ca4-894e-db77e160355e",
		Backend: "mock", StopReason: "end", TTFT: 5, Duration: 9,
	}
	full := &QueueFull{From: done.From, ReqID: done.ReqID}
	if n := testing.AllocsPerRun(500, func() {
		l.RequestDone(done)
		l.QueueFull(full)
	}); n != 0 {
		t.Errorf("%v allocations for two events, want 0", n)
	}
}

func TestWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c wallClock
		begin := time.Now()
		f := func(mono, want time.Duration) {
			t.Helper()
			if got := time.Duration(c.at(int64(mono)) - begin.UnixNano()); got != want {
				t.Errorf("%v on the monotonic clock is %v after the start, want %v", mono, got, want)
			}
		}
		const boot = 42 * time.Hour // where the monotonic clock stands is nobody's business
		f(boot, 0)
		f(boot+wallSync-1, wallSync-1) // no look at the wall clock, which stands still here
		f(boot-time.Millisecond, -time.Millisecond)
		f(boot+wallSync, 0) // looks again: the wall clock has not moved
		time.Sleep(time.Hour)
		f(boot+wallSync+5, 5)
		f(boot+time.Hour, time.Hour)
	})
}

func TestText(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(TextOf(in)); got != want {
			t.Errorf("TextOf(%q) = %s, want %s", in, got, want)
		}
	}
	f("", "")
	f("unix:1000:42", "unix:1000:42")
	f("r1", "r1")
	f("a\"b\\\n\x01\xff", `a\"b\\\n\u0001`+"\ufffd")
	f("api_key=geheim12", "[REDACTED:secret-kv]")
	f("sk-"+strings.Repeat("a", 40), "[REDACTED:api-key]")
	f(strings.Repeat("x", maxStringBytes+1), strings.Repeat("x", maxStringBytes))
}

func TestStamp(t *testing.T) {
	f := func(in string) {
		t.Helper()
		at, err := time.Parse(time.RFC3339Nano, in)
		if err != nil {
			t.Fatal(err)
		}
		var s stamp
		want := at.UTC().Format("2006-01-02T15:04:05.000000-07:00")
		for range 2 { // the second time from the cache
			if got := string(s.append(nil, at.UnixNano())); got != want {
				t.Errorf("stamp of %s: %s, want %s", in, got, want)
			}
		}
	}
	f("2026-05-21T10:00:00Z")
	f("2026-05-21T10:00:00.000001Z")
	f("2026-05-21T10:00:00.999999999Z")
	f("2026-05-21T10:00:00.1+02:00")
	f("1969-12-31T23:59:59.5Z")
}

func TestStopReasons(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(appendStop(nil, in)); got != want {
			t.Errorf("appendStop(%q) = %q, want %q", in, got, want)
		}
	}
	f("end", "End")
	f("length", "Length")
	f("cancelled", "Cancelled")
	f("end_turn", "EndTurn")
	f("tool_use", "ToolUse")
	f("stop_sequence", "StopSequence")
	f("", "")
	f("a\"\n\xffb", "AB")
}

func FuzzAppendText(f *testing.F) {
	f.Add("plain", 20)
	f.Add("\x00\x1f\"\\\u2028\xff", 4)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit &= 0xfff
		got := appendText([]byte{'"'}, s, limit)
		got = append(got, '"')
		var back string
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("appendText(%q, %d) = %s: %v", s, limit, got, err)
		}
		if len(got) > 6*limit+2 || !utf8.Valid(got) {
			t.Fatalf("appendText(%q, %d) = %q", s, limit, got)
		}
	})
}
