// Package grammar keeps a generation within a GBNF grammar: which tokens of a model's
// vocabulary can follow what was generated so far.
//
// A text is parsed ([Check]), written as a program of states ([Compile]) and followed
// through it, one character after another ([Matcher]). Grammars come from strangers, so
// nothing of it is native code, and everything is bounded: texts by size and nesting,
// programs by the number of states, one choice of a token by the work it takes, and what
// a request holds by its memory.
//
// A matcher follows all readings at once, after Earley: readings that wait in the same
// state for the end of the same rule are one, whatever brought them there, and rules
// that return to the same places are one as well. So what needs no recursion takes
// constant work, and the work on a character grows with the square of the text's length
// at the worst, where keeping a stack for each reading grows without limit.
package grammar
