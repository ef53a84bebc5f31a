// Package local runs a redis-server of our own: a supervised child process that keeps its data in one directory and is
// reached through a unix socket there, so that a server needs no Redis to be set up.
//
// The child appends every write to disk before acknowledging it, never evicts, and listens on no network port. It is
// restarted whenever it dies. It does not get the terminal's Ctrl-C, since the server needs it to stop in good order, so
// stopping it is up to [Server.Stop]. If the parent is killed, the child stays behind for a while: the next [Start] in
// the same directory finds it and shuts it down cleanly before it starts another.
package local
