package llama

import (
	"slices"
	"strings"
	"testing"
	"unsafe"

	"inferd/tools/mkgguf"
)

// TestGoString: it copies up to the NUL or the limit, and reads nothing behind.
func TestGoString(t *testing.T) {
	f := func(memory string, limit int, want string) {
		t.Helper()
		b := []byte(memory)
		got := goString(unsafe.SliceData(b), limit)
		clear(b) // the copy is its own
		if got != want {
			t.Errorf("%q, at most %d: %q, want %q", memory, limit, got, want)
		}
	}
	f("\x00behind", 10, "")
	f("a line\n\x00behind", 10, "a line\n")
	f("longer than that\x00", 6, "longer")
	f("no end", 6, "no end") // a seventh byte is not the slice's
	if got := goString(nil, 10); got != "" {
		t.Errorf("nil: %q", got)
	}
}

// TestThreadpoolParams_HaveRoom: what the library writes ends well before the
// memory that it is given.
func TestThreadpoolParams_HaveRoom(t *testing.T) {
	lib := testLibrary(t)
	const canary = 0xA5A5A5A5A5A5A5A5
	params := slices.Repeat([]uint64{canary}, threadpoolParamsWords)
	lib.threadpool.paramsInit(unsafe.Pointer(&params[0]), 2)
	written := threadpoolParamsWords - len(untouched(params, canary))
	if written < 512/8 || written > threadpoolParamsWords*3/4 {
		t.Errorf("%d of %d words are written", written, threadpoolParamsWords)
	}
}

// untouched is the part at the end of words that still is canary.
func untouched(words []uint64, canary uint64) []uint64 {
	i := len(words)
	for i > 0 && words[i-1] == canary {
		i--
	}
	return words[i:]
}

// TestTokeniseInto_StaysInside: the library writes no more tokens than there is
// room for, and says how many it has.
func TestTokeniseInto_StaysInside(t *testing.T) {
	m := testModel(t, mkgguf.Config{})
	const room, canary = 2, -77
	out := slices.Repeat([]int32{canary}, 64)
	if n := m.tokeniseInto(out[:room:room], strings.Repeat("word ", 20)); n >= -room {
		t.Errorf("%d tokens in %d places", n, room)
	}
	if i := slices.IndexFunc(out[room:], func(x int32) bool { return x != canary }); i >= 0 {
		t.Errorf("place %d is written, of %d", room+i, room)
	}
	if n := m.tokeniseInto(out, ""); n < 0 || n > 1 { // some begin with a token of their own
		t.Errorf("%d tokens of nothing", n)
	}
}

// TestBatchArrays_HaveRoom: each place of a batch can be written, the last as well,
// and the library reads them there.
func TestBatchArrays_HaveRoom(t *testing.T) {
	m := testModel(t, mkgguf.Config{})
	const batch = 32
	c, err := m.NewContext(ContextConfig{CtxPerSeq: 64, Sequences: 1, Batch: batch, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	for i := range batch {
		c.Set(i, int32(i), i, 0, i == batch-1)
	}
	if err := c.Decode(batch); err != nil {
		t.Fatal(err)
	}
}
