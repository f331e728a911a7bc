package load

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Dist is a distribution of lengths.
type Dist interface {
	// Sample draws one length, never negative.
	Sample(r *rand.Rand) int
	// String gives the form that ParseDist reads.
	String() string
}

// Fixed is always the same length.
type Fixed int

// Sample returns the length.
func (f Fixed) Sample(*rand.Rand) int { return int(f) }

func (f Fixed) String() string { return strconv.Itoa(int(f)) }

// Uniform is every length from Low to High, both included, equally often.
type Uniform struct{ Low, High int }

// Sample draws a length.
func (u Uniform) Sample(r *rand.Rand) int { return u.Low + r.IntN(u.High-u.Low+1) }

func (u Uniform) String() string { return fmt.Sprintf("uniform:%d-%d", u.Low, u.High) }

// LogNormal has half of its lengths below Median and a tail that grows with
// Sigma, like the prompts and answers of people (sigma about 1).
type LogNormal struct {
	Median int
	Sigma  float64
}

// Sample draws a length, at most 1000 medians.
func (l LogNormal) Sample(r *rand.Rand) int {
	x := float64(l.Median) * math.Exp(l.Sigma*r.NormFloat64())
	return int(min(math.Round(x), 1000*float64(l.Median)))
}

func (l LogNormal) String() string {
	return fmt.Sprintf("lognormal:%d,%s", l.Median, strconv.FormatFloat(l.Sigma, 'g', -1, 64))
}

// ParseDist reads "N" or "fixed:N", "uniform:LOW-HIGH" or
// "lognormal:MEDIAN,SIGMA". Lengths are 0 to limit.
func ParseDist(s string, limit int) (Dist, error) {
	kind, rest, named := strings.Cut(s, ":")
	if !named {
		kind, rest = "fixed", s
	}
	bad := func() (Dist, error) {
		return nil, fmt.Errorf("distribution %q: want N, uniform:LOW-HIGH or "+
			"lognormal:MEDIAN,SIGMA with lengths from 0 to %d", s, limit)
	}
	length := func(text string) (int, bool) {
		n, err := strconv.Atoi(text)
		return n, err == nil && n >= 0 && n <= limit
	}
	switch kind {
	case "fixed":
		if n, ok := length(rest); ok {
			return Fixed(n), nil
		}
	case "uniform":
		low, high, _ := strings.Cut(rest, "-")
		l, ok1 := length(low)
		h, ok2 := length(high)
		if ok1 && ok2 && l <= h {
			return Uniform{l, h}, nil
		}
	case "lognormal":
		median, sigma, _ := strings.Cut(rest, ",")
		m, ok := length(median)
		sd, err := strconv.ParseFloat(sigma, 64)
		if ok && err == nil && sd >= 0 && sd <= 5 {
			return LogNormal{m, sd}, nil
		}
	}
	return bad()
}
