package codec

import (
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// guarded returns a buffer of size bytes that ends at a page nobody may touch.
func guarded(t *testing.T, size int) []byte {
	t.Helper()
	page := syscall.Getpagesize()
	data := (size + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, data+page,
		syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(m) })
	if err := syscall.Mprotect(m[data:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return m[data-size : data : data]
}

// Characters of all lengths, whole and cut, in runs around the sizes of vectors.
func TestValidUTF8(t *testing.T) {
	for _, unit := range []string{"é", "€", "😀", "a€", "\xed\xa0\x80", "\xff", "a\xc3"} {
		for size := 1; size < 140; size++ {
			buf := guarded(t, size)
			copy(buf, strings.Repeat(unit, size))
			if got, want := validUTF8(buf), utf8.Valid(buf); got != want {
				t.Errorf("validUTF8(%q) = %v", buf, got)
			}
		}
	}
}

// No decoder may read further than the one byte behind its line, whatever is in
// the line: the process would die here.
func TestDecode_StaysInItsBuffer(t *testing.T) {
	lines := []string{
		`0`, `-0`, `{"top_k":0`, `{"temperature":0`, `{"temperature":-0`, `{"temperature":0.`,
		`{"temperature":1e`, `{"x":0`, `[0`, `-`, `{"stream":t`, `{"stream":fals`, `{"x":n`,
		`{"id":"`, `{"id":"\`, `{"id":"\u`, `{"id":"\ud800\u`, "{\"id\":\"\xf0", `{"messages":[`,
		`{` + hi + `,"top_k":0}`, `{` + hi + `,"x":0}`, `{` + hi + `,"temperature":-0}`,
		`{"type":"token"}`, `{"type":"error","active":0}`, `{"type":"x","usage":0}`,
	}
	for n := range len(fullRequest) + 1 {
		lines = append(lines, fullRequest[:n])
	}
	d, fd := NewDecoder(), NewFrameDecoder()
	for _, text := range lines {
		for behind := range 2 { // the line ends at the guard, or one byte before it
			buf := guarded(t, len(text)+behind)
			line := buf[:copy(buf, text)]
			_, err := d.Decode(line)
			if _, refused := refDecode([]byte(text)); (err == nil) != (refused == nil) {
				t.Errorf("Decode(%s): %v", text, err)
			}
			_, _ = fd.Decode(line)
		}
	}
}
