// Command mkgguf writes a small random GGUF model.
package main
