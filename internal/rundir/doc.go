// Package rundir says where inferd's files lie when nobody says otherwise: the
// run directory with its sockets and lock, the config file, the log directory
// and the model store.
//
// The daemon and its clients both resolve their paths here, so that they agree.
// Everything but [Ensure], [EnsureParent] and [Trusted] is a pure function of
// the environment that is passed in. The package opens no socket, starts no
// goroutine and depends on nothing but the standard library.
package rundir
