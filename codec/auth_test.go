package codec

import "testing"

func TestDecodeAuth(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		if got, ok := DecodeAuth([]byte(line)); !ok || got != want {
			t.Errorf("%q: %q, %t; want %q", line, got, ok, want)
		}
	}
	f(`{"type":"auth","key":"k"}`, "k")
	f(" {\"key\" : \"k\" ,\t\"type\":\"auth\"} \r", "k")
	f(`{"type":"auth","key":""}`, "")
	f(`{"x":{"key":"no"},"key":"a\"\u00e9ü","X":1,"X":2,"\u0074ype":"\u0061uth"}`, `a"éü`)
}

func TestAppendAuth(t *testing.T) {
	f := func(key, want string) {
		t.Helper()
		line := AppendAuth(nil, key)
		if got := string(line); got != want+"\n" {
			t.Errorf("%q: %s", key, got)
		}
		if got, ok := DecodeAuth(line[:len(line)-1]); !ok || got != key {
			t.Errorf("%q comes back as %q, %t", key, got, ok)
		}
	}
	f("", `{"type":"auth","key":""}`)
	f(`a"é\`, `{"type":"auth","key":"a\"é\\"}`)
}

func TestDecodeAuth_Refused(t *testing.T) {
	f := func(line string) {
		t.Helper()
		if got, ok := DecodeAuth([]byte(line)); ok {
			t.Errorf("%q passes with the key %q", line, got)
		}
	}
	for _, line := range []string{
		``, ` `, `null`, `[]`, `"auth"`, `{}`, `{"type":"auth"}`, `{"key":"k"}`,
		`{"type":"token","key":"k"}`, `{"type":"Auth","key":"k"}`,
		`{"Type":"auth","key":"k"}`, `{"type":"auth","KEY":"k"}`,
		`{"type":"auth","key":null}`, `{"type":"auth","key":1}`, `{"type":["auth"],"key":"k"}`,
		`{"type":"auth","key":"x","key":"k"}`, `{"type":"auth","type":"auth","key":"k"}`,
		`{"type":"auth","key":"k"} x`, `{"type":"auth","key":"k"}{}`, `{"type":"auth","key":"k"`,
		`{"type":"auth","key":"k","x":"\ud800"}`, "{\"type\":\"auth\",\"key\":\"k\",\"x\":\"\xff\"}",
		`{"type":"auth","key":"k","x":tru}`, "\ufeff" + `{"type":"auth","key":"k"}`,
	} {
		f(line)
	}
}
