// Package modelname holds the rule for the names of models. A name becomes a
// file name in the store, so that the config file and the store both apply the
// rule, always. The package is pure: no I/O, no goroutine, no state.
package modelname
