// Package store keeps model files on disk, addressed by their SHA-256, in a
// layout that other tools can share:
//
//	<root>/blobs/sha256/<2 hex>/<64 hex>/data               content, immutable
//	<root>/blobs/sha256/<2 hex>/.partial-<64 hex>/          a download in progress
//	<root>/manifests/<name>.json                            name -> content
//	<root>/locks/<name>.lock, locks/blobs/<64 hex>.lock     advisory locks
//	<root>/locks/quarantine/<time>-<reason>.bin             rejected bytes
//
// A blob appears by rename, complete, checked and on disk; a manifest after its
// blob. So a crash at any point leaves either the old state or a partial
// download that the next fetch goes on with.
//
// Who changes a model holds its name's lock and then its content's lock. Both
// are flock(2) locks: they die with their process. Of several processes that
// fetch one model, one downloads and the others wait and share the result.
//
// Every method runs on the goroutine that calls it and honours its context. The
// package opens no listener and never deletes content that it has not been
// told to, except its own stale partial downloads.
package store
