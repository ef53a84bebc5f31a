// Package socket is a WebSocket that is only written to, for as long as somebody may and can see what comes by
// it. Whoever serves one makes frames; what is the same for all of them is here.
//
//	accept.go   the upgrade
//	conn.go     many small frames, few system calls, bounded memory
//	guard.go    what ends a socket from outside: a lost right, a dead peer, a stop
package socket
