package codec

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// Answer encodes one answer: a frame for each token, and the done frame with their text.
// One goroutine at a time may use it. Its memory serves the next answer.
type Answer struct {
	// Frames are encoded; their owner takes them out when they are sent.
	Frames []byte

	content []byte // the text so far, escaped
	head    []byte // what each token frame begins with, and room for usualHead
	headLen int
}

// Begin makes a the answer to the request with this id. Frames are left as they are.
func (a *Answer) Begin(id string) {
	a.content = a.content[:0]
	if a.head == nil {
		a.head = append(make([]byte, 0, usualHead), headStart...)
	}
	head := AppendQuoted(a.head[:len(headStart)], id)
	head = append(head, headEnd...)
	a.head, a.headLen = head[:max(len(head), usualHead)], len(head)
}

// ID is the request's id as JSON, valid until Begin.
func (a *Answer) ID() []byte { return a.head[len(headStart) : a.headLen-len(headEnd)] }

// Len is the length of the text so far, escaped.
func (a *Answer) Len() int { return len(a.content) }

// Add adds text to the answer without a frame: for a client that wants it whole.
func (a *Answer) Add(text []byte) { a.content = AppendEscaped(a.content, text) }

// Token adds text to the answer and its frame to Frames. Bytes that are not UTF-8
// become U+FFFD; none of a character may be missing.
func (a *Answer) Token(text []byte) {
	// Most tokens are no longer than a word and escape to themselves, and most ids are
	// short. So the text is looked at and stored as a word and the head in blocks of
	// sixteen: what is stored too much lies in the buffers' spare room. There is no
	// call of memmove; see AppendLiteral.
	from, to := len(a.content), len(a.Frames)
	w, ok := plainWord(text)
	if !ok || a.headLen > usualHead ||
		cap(a.content)-from < 8 || cap(a.Frames)-to < usualFrame {
		a.token(text)
		return
	}
	binary.LittleEndian.PutUint64(a.content[from:from+8], w)
	a.content = a.content[:from+len(text)]
	head, frame := (*[usualHead]byte)(a.head), (*[usualFrame]byte)(a.Frames[to:to+usualFrame])
	*(*[16]byte)(frame[0:16]) = *(*[16]byte)(head[0:16])
	*(*[16]byte)(frame[16:32]) = *(*[16]byte)(head[16:32])
	*(*[16]byte)(frame[32:48]) = *(*[16]byte)(head[32:48])
	if a.headLen > 48 {
		*(*[16]byte)(frame[48:64]) = *(*[16]byte)(head[48:64])
		*(*[16]byte)(frame[64:80]) = *(*[16]byte)(head[64:80])
		*(*[16]byte)(frame[80:96]) = *(*[16]byte)(head[80:96])
	}
	n := a.headLen
	binary.LittleEndian.PutUint64(frame[n:], w)
	n += len(text)
	binary.LittleEndian.PutUint32(frame[n:], tailWord)
	a.Frames = a.Frames[:to+n+len(tokenTail)]
}

// Mark is a point in an answer that it can go back to.
type Mark struct{ content, frames int }

// Mark is where the answer stands.
func (a *Answer) Mark() Mark { return Mark{len(a.content), len(a.Frames)} }

// Undo takes back what was added since m, if no frames were taken out meanwhile.
func (a *Answer) Undo(m Mark) {
	a.content, a.Frames = a.content[:m.content], a.Frames[:m.frames]
}

// token is Token for any text. It leaves room for a short one.
func (a *Answer) token(text []byte) {
	from := len(a.content)
	a.content = slices.Grow(a.content, len(text)+8)
	a.Add(text)
	a.Frames = slices.Grow(a.Frames, a.headLen+len(a.content)-from+usualFrame)
	a.Frames = append(a.Frames, a.head[:a.headLen]...)
	a.Frames = append(a.Frames, a.content[from:]...)
	a.Frames = append(a.Frames, tokenTail...)
}

// Done adds the done frame to Frames.
func (a *Answer) Done(u Usage, stop string, backend string) {
	dst := slices.Grow(a.Frames, a.headLen+len(a.content)+doneRoom)
	dst = AppendLiteral(dst, `{"type":"done"`)
	dst = append(dst, a.head[len(headStart)-len(`,"id":`):a.headLen]...)
	dst = append(dst, a.content...)
	dst = AppendLiteral(dst, `","usage":{"prompt_tokens":`)
	dst = strconv.AppendUint(dst, uint64(u.PromptTokens), 10)
	dst = AppendLiteral(dst, `,"completion_tokens":`)
	dst = strconv.AppendUint(dst, uint64(u.CompletionTokens), 10)
	dst = append(dst, `},"stop_reason":`...)
	dst = AppendQuoted(dst, stop)
	dst = append(dst, `,"backend":`...)
	dst = AppendQuoted(dst, backend)
	a.Frames = append(dst, "}\n"...)
}

// Trim lets go of memory beyond limit bytes each, and takes out all frames.
func (a *Answer) Trim(limit int) {
	if max(cap(a.Frames), cap(a.content), cap(a.head)) > limit {
		*a = Answer{}
	}
	a.Frames = a.Frames[:0]
}

const (
	// A token frame is headStart, the id, headEnd, the text and tokenTail.
	headStart = `{"type":"token","id":`
	headEnd   = `,"content":"`
	tokenTail = "\"}\n"
	tailWord  = '"' | '}'<<8 | '\n'<<16 // tokenTail

	// usualHead is the longest head that is stored in blocks: an id of 61 bytes.
	// usualFrame is that with a word of text and the tail's word.
	usualHead  = 96
	usualFrame = usualHead + 8 + 4

	// doneRoom is what a done frame takes besides its head and text, or a little more.
	doneRoom = 160
)
