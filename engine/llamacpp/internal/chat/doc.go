// Package chat turns a conversation into a prompt with the model's own chat
// template, so that no message can pass for a part of the template.
//
// Templates are Jinja as Hugging Face's tokenisers run it. minijinja runs them
// (by Jinja's author, no further dependencies, a budget of steps); Python's
// string methods, which templates use and minijinja lacks, are rewritten to
// filters first, see methods.go.
//
// A template never sees a message's text: it renders placeholders, and the
// result is a list of segments, each either the template's own words, in which
// control tokens count, or one message's text, in which they do not. What the
// template does to a text (trimming it, dropping an earlier turn's thoughts) is
// found out at load by rendering probes, and done to the text here.
//
// So what a message's text says is out of a template's sight: a switch that it looks for
// there, such as the /no_think of a few models, has no effect.
//
// A [Template] is immutable; any goroutine may render. The package does no I/O.
package chat
