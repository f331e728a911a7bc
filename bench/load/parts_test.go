package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"inferd/client"
	"inferd/codec"
)

func TestParseDist(t *testing.T) {
	f := func(in string, want Dist) {
		t.Helper()
		got, err := ParseDist(in, 1000)
		if err != nil || got != want {
			t.Errorf("ParseDist(%q) = %v, %v; want %v", in, got, err, want)
			return
		}
		if again, err := ParseDist(got.String(), 1000); err != nil || again != want {
			t.Errorf("ParseDist(%q) = %v, %v: String and ParseDist disagree", got.String(), again, err)
		}
	}
	f("0", Fixed(0))
	f("17", Fixed(17))
	f("fixed:1000", Fixed(1000))
	f("uniform:3-9", Uniform{3, 9})
	f("uniform:3-3", Uniform{3, 3})
	f("lognormal:400,1.5", LogNormal{400, 1.5})

	for _, in := range []string{
		"", "-1", "1001", "x", "fixed:", "uniform:9-3", "uniform:3", "uniform:1-1001",
		"lognormal:4", "lognormal:4,-1", "lognormal:4,9", "lognormal:4,NaN", "zipf:3",
	} {
		if d, err := ParseDist(in, 1000); err == nil || !strings.Contains(err.Error(), "uniform:LOW") {
			t.Errorf("ParseDist(%q) = %v, %v; want an error that names the forms", in, d, err)
		}
	}
}

func TestDistSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[int]int{}
	below := 0
	for range 3000 {
		seen[Uniform{3, 5}.Sample(r)]++
		if (LogNormal{100, 1}).Sample(r) < 100 {
			below++
		}
	}
	if len(seen) != 3 || seen[3] < 800 || seen[5] < 800 {
		t.Errorf("uniform:3-5 gave %v", seen)
	}
	if below < 1300 || below > 1700 {
		t.Errorf("%d of 3000 samples below the median", below)
	}
}

func TestArrivals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	f := func(in string, want Arrivals) {
		t.Helper()
		got, err := ParseArrivals(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("ParseArrivals(%q) = %v, %v", in, got, err)
			return
		}
		var elapsed time.Duration
		requests := 0
		for range 20000 {
			gap, n := got.Next(r, 1000)
			elapsed += gap
			requests += n
		}
		if rate := float64(requests) / elapsed.Seconds(); rate < 950 || rate > 1050 {
			t.Errorf("%s at 1000/s gives %.0f/s", in, rate)
		}
	}
	f("poisson", Poisson{})
	f("steady", Steady{})
	f("burst:20", Bursts{20})
	for _, in := range []string{"", "burst", "burst:0", "burst:x", "now"} {
		if _, err := ParseArrivals(in); err == nil || !strings.Contains(err.Error(), "burst:SIZE") {
			t.Errorf("ParseArrivals(%q): %v", in, err)
		}
	}
}

// TestRareArrivals: a gap beyond what a duration holds is a long one.
func TestRareArrivals(t *testing.T) {
	for _, a := range []Arrivals{Poisson{}, Steady{}, Bursts{9}} {
		if gap, _ := a.Next(rand.New(rand.NewPCG(1, 2)), 1e-300); gap != longestGap {
			t.Errorf("%s: %v", a, gap)
		}
	}
}

// TestSchedule: the same seed gives the same arrivals and the same requests,
// whatever is drawn for one between the other's; and even the first burst has its
// random time.
func TestSchedule(t *testing.T) {
	f := func(arrivals Arrivals) {
		t.Helper()
		config := Config{
			Target: client.Target{Unix: "/x"}, Portable: true, Rate: 500, Arrivals: arrivals,
			Prompt: Uniform{0, 1000}, Seed: 5,
		}
		if err := config.Validate(); err != nil {
			t.Fatal(err)
		}
		times := func(draws int) (due []int64, sizes []int) {
			g, err := newGenerator(&config)
			if err != nil {
				t.Fatal(err)
			}
			before := g.now()
			g.start(g.now())
			if g.nextDue <= before {
				t.Errorf("%s: the first one is due at once", arrivals)
			}
			began := g.nextDue
			for range 100 {
				for range draws {
					sizes = append(sizes, len(g.corpus.pick(g.random)))
				}
				g.arrive(g.nextDue)
			}
			for g.backlog.len() > 0 { // no connection is open
				due = append(due, g.backlog.pop()-began)
			}
			return due, sizes
		}
		one, sizes := times(1)
		three, others := times(3)
		if !slices.Equal(one, three) || len(one) < 100 || !slices.Equal(sizes, others[:len(sizes)]) {
			t.Errorf("%s: %d and %d requests at other times or of other sizes", arrivals, len(one), len(three))
		}
	}
	f(Poisson{})
	f(Bursts{3})
}

func TestCorpus(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	config := Config{Prompt: Fixed(5), MaxTokens: Fixed(8)}
	lines := newCorpus(&config, r).lines
	want := `{"id":"bench","messages":[{"role":"user","content":"The q"}],"max_tokens":8}` + "\n"
	if len(lines) != 1 || string(lines[0]) != want {
		t.Errorf("%d lines, first %s", len(lines), lines[0])
	}
	config = Config{Prompt: Uniform{0, 9}}
	c := newCorpus(&config, r)
	if len(c.lines) != corpusLines {
		t.Errorf("%d lines, want %d", len(c.lines), corpusLines)
	}
	lengths := map[int]bool{}
	for range 500 {
		lengths[len(c.pick(r))] = true
	}
	if len(lengths) != 10 {
		t.Errorf("%d different lengths picked, want 10", len(lengths))
	}
	if w := c.warnings(); w != nil {
		t.Errorf("%q of a whole corpus", w)
	}
	c.lines = c.lines[:9]
	if w := c.warnings(); len(w) != 1 || !strings.Contains(w[0], "only 9 different requests of 1024") {
		t.Errorf("warnings %q", w)
	}
}

func TestValidate(t *testing.T) {
	f := func(change func(*Config), want string) {
		t.Helper()
		config := Config{Target: client.Target{Unix: "/x"}}
		change(&config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f(func(c *Config) { c.Target = client.Target{} }, "name one target")
	f(func(c *Config) { c.Target.TCP = "127.0.0.1:1" }, "name one target")
	f(func(c *Config) { c.Conns = -1 }, "-1 connections")
	f(func(c *Config) { c.Rate = -1 }, "rate -1")
	f(func(c *Config) { c.SlowShare = 2 }, "share of slow readers 2")
	f(func(c *Config) { c.HangUpShare = -0.5 }, "share of hang-ups -0.5")
	f(func(c *Config) { c.Duration = -1 }, "must not be negative")
	f(func(c *Config) { c.SLO.TTFT = -1 }, "must not be negative")
	f(func(c *Config) { c.SLO.E2E = -1 }, "must not be negative")
	f(func(c *Config) { c.SlowRate = 0.5 }, "slow readers at 0.5 bytes a second: want 1 to")
	f(func(c *Config) { c.SlowRate = math.Inf(1) }, "slow readers at +Inf")
}

func TestRing(t *testing.T) {
	var r ring[int]
	var model []int
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 10000 {
		if random.IntN(5) < 3 || len(model) == 0 {
			r.push(i)
			model = append(model, i)
		} else {
			if got := r.pop(); got != model[0] {
				t.Fatalf("pop gives %d, want %d", got, model[0])
			}
			model = model[1:]
		}
		if r.len() != len(model) {
			t.Fatalf("length %d, want %d", r.len(), len(model))
		}
	}
}

func TestTimers(t *testing.T) {
	var h timerHeap
	for _, at := range []int64{5, 1, 4, 1, 3} {
		h.push(timer{at: at})
	}
	var order []int64
	for !h.empty() {
		order = append(order, h.pop().at)
	}
	if diff := cmp.Diff([]int64{1, 1, 3, 4, 5}, order); diff != "" {
		t.Error(diff)
	}
}

func TestKindOf(t *testing.T) {
	decoder := codec.NewFrameDecoder()
	f := func(line string, want frameKind) {
		t.Helper()
		if got := kindOf([]byte(line), decoder); got != want {
			t.Errorf("kindOf(%s) = %v, want %v", line, got, want)
		}
	}
	f(strings.TrimSpace(tokenLine), frameToken)
	f(strings.TrimSpace(doneLine), frameDone)
	f(strings.TrimSpace(failLine), frameError)
	f(`{"type":"status","id":"","status":"ready"}`, frameOther)
	f(`{"type":"debug","id":""}`, frameOther)
	f(`{"type":"timing"}`, frameOther)
	f(`{"type":"tokens","id":""}`, frameOther)
	f(`{"type":"`, frameOther)
	f(`{"id":"x","type":"token","content":""}`, frameToken)
	f(`{ "type":"error","id":"","code":"internal","message":""}`, frameError)
	f(`nonsense`, frameOther)
	f(``, frameOther)
}

// FuzzEachLine: lines come out as they went in, however the stream is cut, but
// for the length of those that span reads.
func FuzzEachLine(f *testing.F) {
	f.Add("a\nbc\n\nd\n", uint8(2))
	f.Add(strings.Repeat("x", keptLineBytes+10)+"\ny\n", uint8(255))
	f.Fuzz(func(t *testing.T, stream string, piece uint8) {
		var got []string
		var s slotState
		for rest := []byte(stream); len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			s.eachLine(rest[:n], func(line []byte) bool {
				got = append(got, string(line))
				return true
			})
			rest = rest[n:]
		}
		want := strings.Split(stream, "\n")
		want = want[:len(want)-1] // what follows the last newline is no line
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] && (len(got[i]) != keptLineBytes ||
				!strings.HasPrefix(want[i], got[i])) {
				t.Fatalf("line %d is %q, want %q", i, got[i], want[i])
			}
		}
	})
}
