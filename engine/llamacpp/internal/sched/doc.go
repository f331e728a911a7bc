// Package sched runs many token streams through one model with continuous
// batching and reuses what earlier streams left in the key-value cache.
//
// One goroutine, [Scheduler.Run], owns the [Context], the slots and the
// sequences in them. A step puts one token of every generating sequence in the
// batch, then slices of the prompts that are still being read; prompts share
// what room there is evenly, and while anybody generates the room is cut to
// about stepTarget, or to a good slice (limits.go), so that a long prompt does
// not stall the others' tokens.
//
// A sequence is a list of tokens of which the first n are in the cache. It is
// reading its prompt while more than one is missing, generating while exactly
// one is; both are the same work to the loop, and a step that is given up is
// simply done again.
//
// Submit and Cancel may be called from any goroutine. Output leaves through one
// callback a step, on the Run goroutine, which must not wait for any client.
package sched
