// Package grammar checks a GBNF grammar before llama.cpp's parser sees it. That
// parser descends by recursion and copies repeated elements, so a small text can
// overflow its stack or fill the memory; and what it does not like it prints.
//
// The check is of syntax, names and sizes. What it lets through llama.cpp may
// still refuse, cleanly (left recursion, for one). It is pure: no goroutines, no
// state.
package grammar
