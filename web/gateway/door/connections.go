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
		addresses: newShares(ofAddress),
	}
}

type limitedListener struct {
	net.Listener
	places    chan struct{}
	addresses *shares
	closed    chan struct{}
	once      sync.Once
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
		if l.addresses.enter(key) {
			return &limitedConn{Conn: conn, leave: sync.OnceFunc(func() {
				l.addresses.leave(key)
				<-l.places
			})}, nil
		}
		_ = conn.Close()
		<-l.places
	}
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
