// Package lint has only tests: the rules of the house that a compiler does not
// know, such as which room may import which. It owns no code and runs nothing.
package lint
