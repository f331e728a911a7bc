package codec

import "slices"

// Chunk is what one event of a chat stream says: the API of OpenAI and of the many
// servers that speak it.
type Chunk struct {
	Text []byte // what the model has said; nil if it is null or not there
	// Thinking says that there is text of a reasoning model's thoughts.
	Thinking bool
}

// ChunkDecoder decodes the chunks that such servers send by the thousand: one choice
// with a piece of text. It belongs to one goroutine, and allocates nothing once its
// memory has the size of a piece.
type ChunkDecoder struct {
	scan scanner
	text []byte // a piece that has escapes, without them
}

// Decode decodes a chunk. The text is good until the next Decode or until data's bytes
// change.
//
// ok is false for whatever is not usual, which is for another decoder to judge: what is
// no JSON or not UTF-8, a finish reason, usage, an error, no choice or several, values
// of other types, keys that are repeated or not all ASCII in lower case.
func (d *ChunkDecoder) Decode(data []byte) (c Chunk, ok bool) {
	s := &d.scan
	s.reset(data)
	ok = s.open() == nil && d.chunk(&c) && s.end() == nil
	s.line = nil
	return c, ok
}

// chunk reads the rest of the chunk's object.
func (d *ChunkDecoder) chunk(c *Chunk) bool {
	s, found := &d.scan, false
	return s.members(1, func(key []byte) (known, ok bool) {
		switch string(key) {
		case "choices":
			ok = !found && d.choices(c)
			found = true
			return true, ok
		case "usage", "error":
			return true, s.null()
		}
		return false, false
	}) && found
}

// choices reads an array of one choice.
func (d *ChunkDecoder) choices(c *Chunk) bool {
	s := &d.scan
	if s.next() != '[' {
		return false
	}
	if more, bad := s.element(true); bad != nil || !more || !d.choice(c) {
		return false
	}
	more, bad := s.element(false)
	return bad == nil && !more
}

func (d *ChunkDecoder) choice(c *Chunk) bool {
	s, found := &d.scan, false
	return s.opens() && s.members(3, func(key []byte) (known, ok bool) {
		switch string(key) {
		case "delta":
			ok = !found && d.delta(c)
			found = true
			return true, ok
		case "finish_reason", "message":
			return true, s.null()
		}
		return false, false
	})
}

func (d *ChunkDecoder) delta(c *Chunk) bool {
	s := &d.scan
	var seen [3]bool
	return s.opens() && s.members(4, func(key []byte) (known, ok bool) {
		switch string(key) {
		case "content":
			ok = !seen[0] && d.content(c)
			seen[0] = true
		case "reasoning":
			ok = !seen[1] && s.thought(c)
			seen[1] = true
		case "reasoning_content":
			ok = !seen[2] && s.thought(c)
			seen[2] = true
		default:
			return false, false
		}
		return true, ok
	})
}

// content reads a string, or null, which is none.
func (d *ChunkDecoder) content(c *Chunk) bool {
	s := &d.scan
	if s.next() != '"' {
		return s.null()
	}
	body, escaped, bad := s.str()
	if bad != nil || !escaped {
		c.Text = body
		return bad == nil
	}
	d.text = slices.Grow(d.text[:0], len(body))
	n := unquote(d.text[:len(body)], view(body))
	if n < 0 {
		return false
	}
	c.Text = d.text[:n]
	return true
}

// thought is content of which only matters whether there is any.
func (s *scanner) thought(c *Chunk) bool {
	if s.next() != '"' {
		return s.null()
	}
	body, _, bad := s.str()
	c.Thinking = c.Thinking || len(body) > 0
	return bad == nil
}

// members reads the rest of an object inside depth containers, whose brace is behind. read
// says whether it knows a key, and if so whether its value, which it reads, is usual.
func (s *scanner) members(depth int, read func(key []byte) (known, ok bool)) bool {
	for first := true; ; first = false {
		key, more, ok := s.plainMember(first)
		if !ok || !more {
			return ok
		}
		known, ok := read(key)
		if !known {
			ok = s.value(depth) == nil
		}
		if !ok {
			return false
		}
	}
}

// plainMember is member and key for keys that are read as they stand. encoding/json,
// which others decode with, takes keys regardless of case.
func (s *scanner) plainMember(first bool) (key []byte, more, ok bool) {
	more, bad := s.member(first)
	if bad != nil || !more {
		return nil, false, bad == nil
	}
	key, escaped, bad := s.str()
	if bad != nil || escaped || s.next() != ':' {
		return nil, false, false
	}
	s.pos++
	for _, b := range key {
		if b >= 0x80 || 'A' <= b && b <= 'Z' {
			return nil, false, false
		}
	}
	return key, true, true
}

// opens passes the brace that opens an object, if it is one.
func (s *scanner) opens() bool {
	if s.next() != '{' {
		return false
	}
	s.pos++
	return true
}

// null passes null, if it is that.
func (s *scanner) null() bool {
	return s.next() == 'n' && s.literal("null") == nil
}
