// Package grammar checks a GBNF grammar before llama.cpp's parser sees it. That
// parser descends by recursion and copies repeated elements, so a small text can
// overflow its stack or fill the memory; what it does not like it prints; and a
// grammar that can begin in very many ways it follows in all of them.
//
// The check is of syntax, names, sizes and the number of ways. What it lets through
// llama.cpp may still refuse, cleanly. How the readings of a text multiply while it
// grows the check can not see: the scheduler ends a job whose grammar takes too long.
// It is pure: no goroutines, no state.
package grammar
