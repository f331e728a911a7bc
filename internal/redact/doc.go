// Package redact takes secrets out of text before it is logged or shown.
//
// It owns the patterns (authorization headers, key=value pairs, JSON Web
// Tokens, vendor key shapes, AWS key ids) and the tokens that replace them. It
// works on string values before they are encoded, never on encoded lines, so a
// line stays valid whatever was taken out of it.
//
// Every function is pure and may be called from any goroutine. The matchers
// are written by hand rather than as regular expressions because the log calls
// them for every request id: text without a match costs about a nanosecond a
// byte and no allocation, and hostile text costs time linear in its length.
//
// The package knows shapes, not meanings: a secret that looks like prose gets
// through. What must never be logged (prompts, completions) is not logged.
package redact
