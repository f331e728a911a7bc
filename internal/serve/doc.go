// Package serve is the handler between the sockets and the engines: it takes a
// request's line to an engine and the engine's tokens back to the connection.
//
// A [Service] holds what all wires share (gate, queue, router, workers); the v1
// wire is its [Service.V1] handler, and another wire would be one more codec and
// one more handler beside it.
//
// # Goroutines and ownership
//
// A lane decodes on its event loop, and on admission fills a pooled request. The
// request then belongs to the queue, to the one worker that pops it, and to
// nobody when the worker has sent its last frame. Others touch it only under the
// connection's lock, as long as that holds it: the loop, to cancel it when the client
// goes, [Cut] at the end of a drain, and [RequestID].
// Whoever takes a request out of the queue ends it, so a ticket is released
// exactly once, and by then its engine work has stopped.
//
// The package never blocks a loop and logs no content.
package serve
