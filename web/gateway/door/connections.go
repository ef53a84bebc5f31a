package door

import (
	"net"
	"sync"
)

// LimitConnections returns a listener that accepts no more than so many connections at once, and
// of them no more than so many from one address (see addressKey). Of all, others wait with the
// kernel until one is closed; those beyond the share of their address are closed at once, so
// that nobody can take all the places by holding many.
func LimitConnections(listener net.Listener, most, ofAddress int) net.Listener {
	return &limitedListener{
		Listener: listener, places: make(chan struct{}, most), closed: make(chan struct{}),
		ofAddress: ofAddress, byAddress: map[string]int{},
	}
}

type limitedListener struct {
	net.Listener
	places chan struct{}
	closed chan struct{}
	once   sync.Once

	ofAddress int
	mu        sync.Mutex
	byAddress map[string]int
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		select {
		case l.places <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.places
			return nil, err
		}
		key := networkOf(hostOf(conn.RemoteAddr().String()))
		if l.enter(key) {
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() { l.leave(key) })}, nil
		}
		_ = conn.Close()
		<-l.places
	}
}

// enter counts a connection from an address, unless that has its share.
func (l *limitedListener) enter(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byAddress[key] >= l.ofAddress {
		return false
	}
	l.byAddress[key]++
	return true
}

// leave gives the place of a connection back.
func (l *limitedListener) leave(key string) {
	l.mu.Lock()
	if l.byAddress[key]--; l.byAddress[key] == 0 {
		delete(l.byAddress, key)
	}
	l.mu.Unlock()
	<-l.places
}

// Close implements net.Listener.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	leave func()
}

// NetConn returns the connection underneath, as that of tls.Conn does, to set options of.
func (c *limitedConn) NetConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
