package redis

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A proxy stands between a store and its Redis, and does to the connection what networks do.
type proxy struct {
	t      *testing.T
	socket string
	target string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	fault    fault
	needle   []byte // the fault befalls the first request that contains this
	struck   chan struct{}
	held     []byte // the request held back by holdRequest

	work sync.WaitGroup
}

type fault int

const (
	noFault     fault = iota
	loseReply         // Redis gets the request, the reply never comes
	loseRequest       // Redis never gets the request
	holdRequest       // Redis gets the request only when it is released, long after the client has given up
)

// startProxy starts a proxy for the Redis at a unix:// URL.
func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cl")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, socket: filepath.Join(dir, "proxy.sock"), target: parsed.Path, conns: make(map[net.Conn]struct{})}
	p.up()
	t.Cleanup(func() {
		p.down()
		p.work.Wait()
		os.RemoveAll(dir)
	})
	return p
}

func (p *proxy) url() string {
	return (&url.URL{Scheme: "unix", Path: p.socket}).String()
}

// up accepts connections.
func (p *proxy) up() {
	p.t.Helper()
	listener, err := net.Listen("unix", p.socket)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = listener
	p.work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.serve(conn) })
		}
	})
}

// down breaks all connections and refuses new ones.
func (p *proxy) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	for conn := range p.conns {
		conn.Close()
	}
}

// strike arms a fault for the next request that contains needle, and returns what is closed when it has happened.
func (p *proxy) strike(f fault, needle string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.needle, p.struck = f, []byte(needle), make(chan struct{})
	return p.struck
}

// release sends the request held back to Redis, on a connection nobody listens to, and waits for the reply.
func (p *proxy) release() []byte {
	p.t.Helper()
	p.mu.Lock()
	request := p.held
	p.mu.Unlock()
	conn, err := net.Dial("unix", p.target)
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(request); err != nil {
		p.t.Fatal(err)
	}
	reply := make([]byte, 4096)
	n, err := conn.Read(reply)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply[:n]
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial("unix", p.target)
	if err != nil {
		client.Close()
		return
	}
	p.mu.Lock()
	if p.listener == nil {
		// Accepted before the proxy went down, which has not seen it.
		p.mu.Unlock()
		client.Close()
		server.Close()
		return
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	defer func() {
		client.Close()
		server.Close()
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	}()

	var mute sync.Mutex
	muted := false
	p.work.Go(func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			mute.Lock()
			quiet := muted
			mute.Unlock()
			if quiet {
				return // which closes the connection without the reply
			}
			if n > 0 {
				if _, err := client.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if n > 0 {
			switch p.befalls(buffer[:n]) {
			case loseReply:
				mute.Lock()
				muted = true
				mute.Unlock()
			case loseRequest, holdRequest:
				return
			}
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// befalls says what happens to a request.
func (p *proxy) befalls(request []byte) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == noFault || !bytes.Contains(request, p.needle) {
		return noFault
	}
	f := p.fault
	p.fault = noFault
	if f == holdRequest {
		p.held = bytes.Clone(request)
	}
	close(p.struck)
	return f
}
