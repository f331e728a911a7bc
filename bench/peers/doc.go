// Command peers serves one GGUF model through inferd and through whatever
// peers are at hand (llama-server, ollama), asks all of them the same prompts
// and prints what came out: requests per second, time to first token, gap
// between tokens, and the server's CPU time per request.
//
//	go run ./bench/peers -inferd bin/inferd -model model.gguf
//
// Every server is started with the same number of inference threads, the same
// number of parallel sequences and the same context for each; all answers are
// greedy and of the same length at most. The servers run all the time and are
// measured in turn, over and over (a round), so that whatever else the machine
// does hits all of them alike; a figure is the median over the rounds. The
// clients share the machine with the server under test, as they do in use.
//
// inferd is reached over its Unix socket by the Go client, the others over
// HTTP on loopback by inferd's own openai-compat engine: each by its fastest
// way. Prompts differ from request to request, so that no server answers from
// a cache of whole prompts.
//
// A peer that is not found is left out and said so; inferd alone works, too.
// Without a llama-server binary, llama_server.py starts the same code from a
// Python wheel. CPU time needs Linux.
package main
