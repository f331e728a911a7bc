package codec

import "errors"

// DecodeError says why a line is not a request (or a frame). Reason is one of a
// fixed set and never quotes the input, so it may be logged and sent.
type DecodeError struct{ Reason string }

// Error gives the text as the client sees it.
func (e *DecodeError) Error() string { return "decode: " + e.Reason }

// InvalidError says why a decoded request can't be served. Text is what the
// client sees.
type InvalidError struct{ Text string }

// Error gives Text.
func (e *InvalidError) Error() string { return e.Text }

// ErrFrameTooLarge is the refusal of a line over MaxLine, in the wire's words.
var ErrFrameTooLarge = errors.New("frame exceeds 67108864 byte cap")

// The reasons are values rather than made on the spot: refusing a hostile line
// costs no allocation.
var (
	errEmpty      = &DecodeError{"empty line"}
	errBOM        = &DecodeError{"line starts with a byte order mark"}
	errNotObject  = &DecodeError{"line is not a JSON object"}
	errTruncated  = &DecodeError{"line ends inside a JSON value"}
	errSyntax     = &DecodeError{"malformed JSON"}
	errTrailing   = &DecodeError{"data after the JSON object"}
	errDepth      = &DecodeError{"nesting deeper than 128"}
	errUTF8       = &DecodeError{"invalid UTF-8"}
	errSurrogate  = &DecodeError{"lone surrogate in a string"}
	errControl    = &DecodeError{"raw control character in a string"}
	errEscape     = &DecodeError{"invalid escape in a string"}
	errNumber     = &DecodeError{"malformed number"}
	errRange      = &DecodeError{"number out of range"}
	errRole       = &DecodeError{"role must be system, user or assistant"}
	errElement    = &DecodeError{"messages must hold objects only"}
	errFrameType  = &DecodeError{"frame has no type"}
	errFrameValue = &DecodeError{"frame has a value of the wrong type"}
)
