package load

import (
	"context"
	"time"
)

// transport moves the bytes of the connections, which it knows as slots
// numbered from 0. Its methods are called from the generator's goroutine only.
type transport interface {
	// open connects a slot that is not open, before ctx ends. Reads of the slot
	// give at most chunk bytes at a time; 0 means as many as there are.
	open(ctx context.Context, slot, chunk int) error
	// write sends b, which the caller does not change any more. It does not wait:
	// what the socket does not take at once follows when it can. An error means
	// that the connection is lost; the slot stays open until close.
	write(slot int, b []byte) error
	// wait sleeps until something arrives, at most for timeout, and calls
	// handle for each slot with what arrived, valid during the call, or with
	// the error that ended the connection. handle may close and open slots.
	wait(timeout time.Duration, handle func(slot int, data []byte, err error)) error
	// pause stops the reading of a slot until resume.
	pause(slot int)
	resume(slot int)
	// close ends one slot's connection; on a closed slot it does nothing.
	close(slot int)
	// shutdown closes everything.
	shutdown()
}
