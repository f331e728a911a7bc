package load

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Arrivals spaces requests in time.
type Arrivals interface {
	// Next gives the time until the next arrival and how many requests arrive
	// then, for a mean of rate requests a second.
	Next(r *rand.Rand, rate float64) (gap time.Duration, n int)
	// String gives the form that ParseArrivals reads.
	String() string
}

// Poisson arrivals are independent of each other: the gaps are exponential.
type Poisson struct{}

// Next draws a gap.
func (Poisson) Next(r *rand.Rand, rate float64) (time.Duration, int) {
	return seconds(r.ExpFloat64() / rate), 1
}

func (Poisson) String() string { return "poisson" }

// Steady arrivals come at equal gaps.
type Steady struct{}

// Next returns the gap.
func (Steady) Next(_ *rand.Rand, rate float64) (time.Duration, int) {
	return seconds(1 / rate), 1
}

func (Steady) String() string { return "steady" }

// Bursts are Size requests at the same moment, the moments being Poisson.
type Bursts struct{ Size int }

// Next draws the gap to the next burst.
func (b Bursts) Next(r *rand.Rand, rate float64) (time.Duration, int) {
	return seconds(r.ExpFloat64() * float64(b.Size) / rate), b.Size
}

func (b Bursts) String() string { return "burst:" + strconv.Itoa(b.Size) }

// ParseArrivals reads "poisson", "steady" or "burst:SIZE".
func ParseArrivals(s string) (Arrivals, error) {
	size, isBurst := strings.CutPrefix(s, "burst:")
	switch {
	case s == "poisson":
		return Poisson{}, nil
	case s == "steady":
		return Steady{}, nil
	case isBurst:
		if n, err := strconv.Atoi(size); err == nil && n > 0 && n <= maxBacklog {
			return Bursts{n}, nil
		}
	}
	return nil, fmt.Errorf("arrivals %q: want poisson, steady or burst:SIZE", s)
}

// seconds is s as a duration, at most longestGap.
func seconds(s float64) time.Duration {
	return time.Duration(min(s*float64(time.Second), float64(longestGap)))
}
