package load

import (
	"fmt"
	"math/rand/v2"

	"inferd/codec"
)

// corpus holds the request lines of a run, made beforehand.
type corpus struct {
	lines  [][]byte
	wanted int // how many there would be if they were shorter
}

// prose fills prompts; plain text, as most prompts are.
const prose = "The quick brown fox jumps over the lazy dog while the daemon counts its tokens. "

// newCorpus draws the lines. If all would be alike it makes one.
func newCorpus(c *Config, r *rand.Rand) corpus {
	n := corpusLines
	if isFixed(c.Prompt) && (c.MaxTokens == nil || isFixed(c.MaxTokens)) {
		n = 1
	}
	all := corpus{wanted: n}
	for total := 0; len(all.lines) < n && (total < maxCorpusBytes || len(all.lines) == 0); {
		var options codec.RequestOptions
		if c.MaxTokens != nil {
			options.MaxTokens = new(uint32(c.MaxTokens.Sample(r)))
		}
		prompt := make([]byte, min(c.Prompt.Sample(r), MaxPromptBytes))
		for i := range prompt {
			prompt[i] = prose[i%len(prose)]
		}
		line := codec.AppendRequest(nil, "bench",
			[]codec.Message{{Role: "user", Content: string(prompt)}}, options)
		all.lines = append(all.lines, line)
		total += len(line)
	}
	return all
}

// warnings are the reasons to doubt the lengths.
func (c corpus) warnings() []string {
	if len(c.lines) == c.wanted {
		return nil
	}
	return []string{fmt.Sprintf("only %d different requests of %d fit into %d MiB: "+
		"their lengths are a small sample of the distribution",
		len(c.lines), c.wanted, maxCorpusBytes>>20)}
}

func isFixed(d Dist) bool {
	_, ok := d.(Fixed)
	return ok
}

// pick returns one line; it must not be changed.
func (c corpus) pick(r *rand.Rand) []byte {
	if len(c.lines) == 1 {
		return c.lines[0]
	}
	return c.lines[r.IntN(len(c.lines))]
}
