package codec

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// usualLines are such as clients write.
var usualLines = []string{
	`{"id":"r1","messages":[{"role":"user","content":"hi"}]}`,
	`{"id": "r1", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 64}`,
	`{"messages":[{"role":"system","content":""},{"role":"user","content":"2 + 2?"},` +
		`{"role":"assistant","content":"four, I think"}],"stream":false,"temperature":0.5,"top_p":1e-1}`,
	`{"messages": [{"role": "assistant", "content": "日本"}, {"role": "system", "content": "é"}], "stream": true, "id": "ü"}`,
	`{"max_tokens":8,"messages":[{"role":"user","content":"x"}],"id":""}`,
}

// isUsual says whether d takes line without a scan.
func isUsual(d *Decoder, line string) bool {
	d.req.setDefaults(messagesFor(d.req.Messages, 0))
	return d.usual(lineOf(line))
}

// TestUsual_SameAsScan: whatever is changed in a usual line, the short way and the scan
// make the same of it.
func TestUsual_SameAsScan(t *testing.T) {
	d, scan := NewDecoder(), NewDecoder()
	taken := 0
	f := func(line string) {
		t.Helper()
		if isUsual(d, line) {
			taken++
		}
		got, err := d.Decode(lineOf(line))
		want, wantErr := scan.DecodeLong(lineOf(line)) // which only scans
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("%q: %v; the scan says %v", line, err, wantErr)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q (-scan +got):\n%s", line, diff)
		}
	}
	for _, line := range usualLines {
		if !isUsual(d, line) {
			t.Errorf("%s is scanned", line)
		}
		for i := range len(line) + 1 {
			f(line[:i])
			f(line[i:])
			for _, c := range []string{
				"", " ", "  ", "\t", `"`, `\`, `\n`, "\x00", "\x7f", "\xff", "é", "\xc3",
				"{", "}", "[", "]", ",", ":", "-", "+", ".", "0", "1", "9999999999", "e", "null", "true",
				`,"id":"x"`, `"top_k":1,`, `{"role":"user","content":"x"},`, `"image_token_budget":70,`,
			} {
				f(line[:i] + c + line[i:])
				if i < len(line) {
					f(line[:i] + c + line[i+1:])
				}
			}
		}
	}
	if taken < 1000 {
		t.Errorf("only %d of the changed lines were still usual", taken)
	}
}

// The lines of this project's clients and of common libraries are usual.
func TestUsual_Clients(t *testing.T) {
	d := NewDecoder()
	msgs := []Message{{"system", "be terse"}, {"user", "hi"}}
	own := AppendRequest(nil, "r1", msgs, RequestOptions{MaxTokens: new(uint32(8)), Stream: new(true)})
	std, err := json.Marshal(map[string]any{
		"id": "r1", "max_tokens": 8, "stream": true, "temperature": 0.7, "messages": msgs,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{strings.TrimSuffix(string(own), "\n"), string(std)} {
		if !isUsual(d, line) {
			t.Errorf("%s is scanned", line)
		}
	}
}
