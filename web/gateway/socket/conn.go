package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// outLimit is how many bytes of frames wait for a peer before its stream is no longer read. As
	// many again are on their way into the socket.
	outLimit = 16 << 10
	// controlSlack is how much more control frames, which nobody makes wait, may add. It is more
	// than any sane client provokes: who sends pings but takes no pongs is cut off by it.
	controlSlack = 16 << 10
	// closeGrace is how long a peer has to take what is pending when the connection is closed.
	closeGrace = time.Second
	// waited is how long a write takes that had to wait for the peer.
	waited = 10 * time.Millisecond
	// socketBuffer bounds what the kernel holds for a peer. The kernel doubles it, for its own use.
	socketBuffer = 64 << 10
)

// errOverrun means that a peer makes us answer more than it reads.
var errOverrun = errors.New("the peer does not read the answers it provokes")

// Conn is a connection whose writes never block: they wait in a buffer, which a goroutine of its
// own writes to the socket, as much at a time as there is. So thousands of small frames
// a second share their system calls, and a ping or pong waits for nobody. The one who writes many
// frames has to wait for room.
//
// It is the WebSocket library's connection; its frames are its writes.
type Conn struct {
	net.Conn
	timeout time.Duration

	mu       sync.Mutex
	pending  []byte // waits for the flusher
	spare    []byte // the other buffer, while the flusher does not have it
	flushing bool   // the flusher is writing
	held     bool   // more frames follow at once: let them gather
	err      error  // what ended the connection
	maxFrame int    // the longest write so far

	wake    chan struct{} // tells the flusher of something pending
	moved   chan struct{} // tells the one who waits that the flusher took or wrote something
	closed  chan struct{} // closed when err is set
	flushed chan struct{} // closed when the flusher has ended

	alive atomic.Int64
}

// Signs counts the signs of life of the peer: the pings it answered, and the times it made room for what
// had to wait. What the kernel takes at once is none.
func (c *Conn) Signs() int64 { return c.alive.Load() }

// newConn takes a connection over. timeout is how long the peer may take nothing. Close ends
// the goroutine that it starts.
func newConn(c net.Conn, timeout time.Duration) *Conn {
	boundSocket(c)
	w := &Conn{
		Conn: c, timeout: timeout,
		wake: make(chan struct{}, 1), moved: make(chan struct{}, 1), closed: make(chan struct{}), flushed: make(chan struct{}),
	}
	go w.flush()
	return w
}

// boundSocket sets the socket's buffer, which else holds more than we promise. A connection that
// wraps another, as that of TLS does, says which.
func boundSocket(c net.Conn) {
	for {
		switch t := c.(type) {
		case *net.TCPConn:
			_ = t.SetWriteBuffer(socketBuffer)
			return
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return
		}
	}
}

// Write implements net.Conn. It never blocks.
func (c *Conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	c.maxFrame = max(c.maxFrame, len(p))
	if len(c.pending)+len(p) > outLimit+c.maxFrame+controlSlack {
		return 0, errOverrun
	}
	c.pending = append(c.pending, p...)
	if !c.held {
		signal(c.wake)
	}
	return len(p), nil
}

// Hold lets what is written gather until Release, or until there is no more room for it.
func (c *Conn) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = true
}

// Release sends what has gathered.
func (c *Conn) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = false
	if len(c.pending) > 0 {
		signal(c.wake)
	}
}

// Room blocks until there is room for another frame.
func (c *Conn) Room(ctx context.Context) error {
	return c.until(ctx, func() bool { return len(c.pending) < outLimit })
}

// Drain blocks until the socket has taken all that was written.
func (c *Conn) Drain(ctx context.Context) error {
	return c.until(ctx, func() bool { return len(c.pending) == 0 && !c.flushing })
}

// until blocks until a condition holds, sending what is pending meanwhile. Only one goroutine
// may be in it.
func (c *Conn) until(ctx context.Context, holds func() bool) error {
	for {
		c.mu.Lock()
		err, ok := c.err, holds()
		c.mu.Unlock()
		if err != nil || ok {
			return err
		}
		signal(c.wake)
		select {
		case <-c.moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.closed:
		}
	}
}

// Close implements net.Conn. What is still pending, the answer to a close among it, has closeGrace to be
// taken.
func (c *Conn) Close() error {
	c.fail(net.ErrClosed)
	<-c.flushed
	return c.Conn.Close()
}

// fail ends the connection, for the first reason that there is.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	_ = c.Conn.SetDeadline(time.Now().Add(closeGrace))
	close(c.closed)
}

// flush writes what is pending to the socket, until the connection ends.
func (c *Conn) flush() {
	defer close(c.flushed)
	for last := false; !last; {
		select {
		case <-c.wake:
		case <-c.closed:
			last = true
		}
		batch := c.take()
		if err := c.put(batch); err != nil {
			c.fail(fmt.Errorf("writing to the peer: %w", err))
			_ = c.Conn.Close() // so that its reader ends, too
			return
		}
		c.giveBack(batch)
	}
}

// take swaps the buffers.
func (c *Conn) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.pending
	c.pending, c.spare = c.spare[:0], nil
	c.flushing = len(batch) > 0
	signal(c.moved)
	return batch
}

func (c *Conn) giveBack(batch []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A long line must not keep its memory for as long as the peer stays.
	if cap(batch) <= 4*outLimit {
		c.spare = batch[:0]
	}
	c.flushing = false
	signal(c.moved)
}

// put writes a batch. It fails if the peer takes nothing of it for as long as the timeout.
func (c *Conn) put(batch []byte) error {
	for len(batch) > 0 {
		if err := c.extend(); err != nil {
			return err
		}
		began := time.Now()
		n, err := c.Conn.Write(batch)
		if n > 0 && time.Since(began) > waited {
			c.alive.Add(1)
		}
		batch = batch[n:]
		if err != nil && (n == 0 || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return err
		}
	}
	return nil
}

// extend gives the peer time to take what is written next, unless the connection ends.
func (c *Conn) extend() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil
	}
	return c.SetWriteDeadline(time.Now().Add(c.timeout))
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
