// Package codec turns bytes into requests and frames and back: wire protocol
// v1, one JSON object a line (docs/protocol.md).
//
// It does no I/O, starts no goroutine, keeps no global state but read-only
// tables, and imports no sibling. Splitting a stream into lines is loop's work;
// what a request means is the engine's.
//
// # Decoding
//
// A [Decoder] belongs to one goroutine and decodes one line at a time:
//
//  1. usual.go takes a short line as most programs write it. It gives up on any
//     other, and then
//  2. scan.go reads the line once and enforces the whole contract: JSON grammar,
//     depth, UTF-8, surrogates, duplicate and missing keys, types, u32 rules. It
//     is the only judge of what is accepted, and stores the values in the reused
//     [Request] as it comes by.
//  3. Strings with escapes are written out by a JSON library's routine for that:
//     sonic's (fill_sonic.go), or with `-tags stdjson` our own. It only ever sees
//     strings that the scan accepted, so laxness or bugs of a library can't widen
//     the protocol.
//
// A line that is long, and its reader's to keep, is for [Decoder.DecodeLong]: the same
// scan, and no library behind it (long.go).
//
// Strings without escapes are not copied: they point into the line. A Request is
// therefore good until the line's buffer is reused or the next Decode, whichever
// comes first; [Request.MoveTo] moves its strings to where they may stay longer.
//
// [DecodeAuth] reads the key line of a TCP client with the same scan.
//
// A [FrameDecoder] decodes responses for a client: scanned likewise, but filled in by
// sonic, or encoding/json, and forgiving what a later version of the daemon may add.
//
// A [ChunkDecoder] reads the text out of what another server streams, with the same scan.
// It takes only what is usual.
//
// # Encoding
//
// The AppendX functions append one whole frame, `\n` included, to a buffer of the
// caller's and allocate only to grow it. They may be called from any goroutine. The id
// is encoded once by the caller ([AppendQuoted]). An [Answer] has a request's token and
// done frames: what stays the same for all of them is encoded once, and each text once
// for both.
//
// # Errors
//
// A [DecodeError] has a fixed reason that never quotes the input: a JSON
// library's own error does, so none leaves this package. [InvalidError] is for a
// line that decodes but asks for something impossible; its connection stays open.
package codec
