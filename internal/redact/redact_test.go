package redact

import (
	"strings"
	"testing"
	"time"
)

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9"

func TestStringRedacts(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := String(in); got != want {
			t.Errorf("String(%q)\n got %q\nwant %q", in, got, want)
		}
	}
	// Each pattern.
	f("Authorization: Bearer abcdefgh12345", "[REDACTED:auth-header]")
	f(`x authorization="basic dXNlcjpwYXNz" y`, `x [REDACTED:auth-header]" y`)
	f("AUTHORIZATION = token abcd.efgh", "[REDACTED:auth-header]")
	f("authorization: Bearer "+jwt+" end", "[REDACTED:auth-header] end")
	f("password=hunter2 user=bob", "[REDACTED:secret-kv] user=bob")
	f("login passwd: hunter2, pwd=hunter3", "login [REDACTED:secret-kv], [REDACTED:secret-kv]")
	f("x-api-key: 1234", "x-[REDACTED:secret-kv]")
	f("?apikey=abcd&b=1", "?[REDACTED:secret-kv]&b=1")
	f("jwt "+jwt+" end", "jwt [REDACTED:jwt] end")
	f(`{"key":"sk-abcdefghijklmnop"}`, `{"key":"[REDACTED:api-key]"}`)
	f("sk-0123456789abcdef", "[REDACTED:api-key]")
	f("tok=ghp_0123456789abcdefghij", "tok=[REDACTED:api-key]")
	f("xoxb-123456-abcdef x", "[REDACTED:api-key] x")
	f("pat-0123456789abcdef", "[REDACTED:api-key]")
	f("thingspat_0123456789abcdef", "[REDACTED:api-key]")
	f("id AKIAIOSFODNN7EXAMPLE.", "id [REDACTED:aws-access].")
	f("ASIAIOSFODNN7EXAMPLE", "[REDACTED:aws-session]")
	// Two in one line, and a secret at either end.
	f("password=hunter2 and sk-abcdefghijklmnop1", "[REDACTED:secret-kv] and [REDACTED:api-key]")
	// What the patterns used to miss.
	f(`{"password":"x","a":1}`, `{"[REDACTED:secret-kv]","a":1}`)
	f(`{"api_key" : "a b, c}", "b":2}`, `{"[REDACTED:secret-kv]", "b":2}`)
	f(`"body: {\"secret\":\"hunter2\",\"n\":1}"`, `"body: {\"[REDACTED:secret-kv]\",\"n\":1}"`)
	f(`{"password":"a\"b","c":1}`, `{"[REDACTED:secret-kv]","c":1}`)
	f("password='a b' c", "[REDACTED:secret-kv]' c")
	f("sk-ant-api03-AbCd_efgh-1234", "[REDACTED:api-key]")
	f("sk-proj-abcd1234efgh5678", "[REDACTED:api-key]")
	f("OPENAI_API_KEY=abcd1234", "OPENAI_[REDACTED:secret-kv]")
	f("access_token=abcd1234", "access_[REDACTED:secret-kv]")
	f(`password: "unterminated value`, "[REDACTED:secret-kv]")
	f("https://user:hunter2@host/v1", "https://[REDACTED:secret-kv]@host/v1")
	f("github_pat_11ABCDEFG0123456789_x", "[REDACTED:api-key]")
	f("hf_abcdefghijklmnopqrstuv", "[REDACTED:api-key]")
}

func TestStringLeavesAlone(t *testing.T) {
	f := func(in string) {
		t.Helper()
		if got := String(in); got != in {
			t.Errorf("String(%q) = %q, want it unchanged", in, got)
		}
	}
	f("")
	f("plain prose about a password, a token and the secret of a good key.")
	f(`{"t":"2026-05-21T10:00:00.123456+00:00","level":"info","component":"server","msg":"ready"}`)
	f(`{"backend":"mock","completion_tokens":3,"prompt_tokens":0,"req_id":"r1"}`)
	f("version=0.1.0-alpha.0")
	f("bytes=42")
	f("http://user@host:80/ and http://[::1]:80/a@b")
	f("token=abc")                            // three bytes
	f(`password=""`)                          // nothing to hide
	f("sk-short")                             // too short
	f("task-0123456789abcdef0123")            // no word begins at sk-
	f("AKIAIOSFODNN7EXAMPLEX")                // seventeen
	f("AKIAiosfodnn7example")                 // lower case
	f("eyJhbGciOiJIUzI1NiJ9.only-two")        // two parts
	f("xeyJhbGciOiJIUzI1NiJ9.aa.bb")          // inside a word
	f("authorization: bearer short")          // under eight bytes
	f("6fa459ea-ee8a-3ca4-894e-db77e160355e") // a UUID
	f("max_tokens=4096")
}

func TestField(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		if got := Field(name, value); got != want {
			t.Errorf("Field(%q, %q) = %q, want %q", name, value, got, want)
		}
	}
	f("api_key", "x", "[REDACTED:secret-kv]")
	f("OpenAI-API-Key", "x", "[REDACTED:secret-kv]")
	f("accessToken", "x", "[REDACTED:secret-kv]")
	f("Authorization", "x", "[REDACTED:auth-header]")
	f("password", "", "")
	f("path", "/tmp/x", "/tmp/x")
	f("completion_tokens", "3", "3")
	f("url", "http://h/?token=abcd", "http://h/?[REDACTED:secret-kv]")
}

func TestCut(t *testing.T) {
	f := func(in string, limit int, want string) {
		t.Helper()
		if got := Cut(in, limit); got != want {
			t.Errorf("Cut(%d bytes, %d) = %q, want %q", len(in), limit, got, want)
		}
	}
	f("abc", 3, "abc")
	f("abcd", 3, "abc")
	f("aé", 2, "a")
	f("a\xf0\x9f\x98\x80", 4, "a")
	f("\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80")
	f("abcdef", 0, "")
	// A secret across the limit is seen whole.
	f("id sk-abcdefghijklmnop", 8, "id [REDA")
	// So is a token that is longer than Cut reads, in any of its parts.
	long := strings.Repeat("a", 2*lookAheadBytes)
	f("eyJ"+long, 100, "[REDACTED:jwt]")
	f("eyJh."+long, 100, "[REDACTED:jwt]")
	f("eyJh.aa."+long, 100, "[REDACTED:jwt]")
	f("eyJ"+long[:50], 100, "eyJ"+long[:50])
}

func TestAppend(t *testing.T) {
	got := string(Append([]byte("x "), []byte("pwd=hunter2")))
	if want := "x [REDACTED:secret-kv]"; got != want {
		t.Errorf("Append = %q, want %q", got, want)
	}
	if got := Append(nil, nil); len(got) != 0 {
		t.Errorf("Append(nil, nil) = %q", got)
	}
}

func TestNoAllocationWithoutSecret(t *testing.T) {
	dst := make([]byte, 0, 256)
	in := []byte("6fa459ea-ee8a-3ca4-894e-db77e160355e")
	if n := testing.AllocsPerRun(100, func() {
		dst = Append(dst[:0], in)
		_ = Cut("unix:1000:4711", 256)
	}); n != 0 {
		t.Errorf("%v allocations a call, want 0", n)
	}
}

// TestLinearTime feeds each rule the text that makes a careless matcher
// quadratic. A megabyte takes milliseconds; quadratic it would take minutes.
func TestLinearTime(t *testing.T) {
	const n = 1 << 20
	for _, unit := range []string{
		"eyJ-", "eyJa.", "eyJa.b", "eyJ.", "sk-", "xoxb-", "password ", "password:", `token":"`,
		"password=\\", "authorization: bearer ",
		"://", "://a:", "AKIA", "AKIA0-", " ", `\`, `"`, ":", "= ",
	} {
		in := strings.Repeat(unit, n/len(unit))
		begin := time.Now()
		String(in)
		if took := time.Since(begin); took > time.Minute {
			t.Errorf("%d x %q took %v", n/len(unit), unit, took)
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{
		"Authorization: Bearer abcdefgh12345", `{"password":"x"}`, jwt, "sk-ant-api03-AbCd_efgh-1234",
		"xoxb-1234567890-password=abcd", "AKIAIOSFODNN7EXAMPLE", `pwd=\"a\\\"b\"`, "token:token:token=",
		"https://a:b@h", "://:b@", "https://me.sk-abcdefghijklmnop@h",
	} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		once := String(s)
		for _, r := range rules {
			if start, end := r.find(once, 0, false); start >= 0 {
				t.Fatalf("String(%q) = %q still holds %q", s, once, once[start:end])
			}
		}
		if twice := String(once); twice != once {
			t.Fatalf("not idempotent: %q then %q", once, twice)
		}
		// The fast path must let nothing through that a rule would find.
		if direct := applyRules(s, false); direct != once {
			t.Fatalf("fast path: %q, rules alone: %q", once, direct)
		}
		if limit = limit & 0xffff; len(Cut(s, limit)) > limit {
			t.Fatalf("Cut(%q, %d) is longer", s, limit)
		}
	})
}
