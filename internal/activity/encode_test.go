package activity

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"
)

func TestAppendNumbers(t *testing.T) {
	f := func(v uint64) {
		t.Helper()
		if got, want := string(appendUint([]byte("<"), v)), "<"+strconv.FormatUint(v, 10); got != want {
			t.Errorf("appendUint(%d) = %s", v, got)
		}
		d := time.Duration(min(v, math.MaxInt64/1000-1)) * time.Microsecond
		want := fmt.Sprintf("<%d.%03d", d/time.Millisecond, d/time.Microsecond%1000)
		if got := string(appendMillis([]byte("<"), d+999)); got != want {
			t.Errorf("appendMillis(%v) = %s, want %s", d+999, got, want)
		}
	}
	for v := range uint64(20_000) {
		f(v)
		f(v * 997)
	}
	for v := uint64(10); v < math.MaxUint64/10; v *= 10 {
		f(v - 1)
		f(v)
	}
	f(math.MaxUint64)
	if got := string(appendMillis(nil, -time.Second)); got != "0.000" {
		t.Errorf("a negative duration is %s", got)
	}
}
