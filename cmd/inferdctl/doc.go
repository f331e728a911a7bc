// Inferdctl is the command line of inferd, for people and for scripts: it talks
// to a model through a running daemon, shows and changes the daemon's state
// through its admin socket, and looks after the model store.
//
// Each verb is one file. Answers and data go to standard output, everything
// else to standard error, as `error: …` where it ends the command. Exit codes:
// 0 success; 1 a check that failed (status: not ready, doctor, verify);
// 2 any error, wrong usage included.
package main
