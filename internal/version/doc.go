// Package version says what this build is. It holds no state and starts
// nothing.
package version
