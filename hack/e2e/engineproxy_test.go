package e2e

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/docker/docker/client"
)

// engineProxy is an engine's socket that can be made to hang: it accepts, reads and
// passes nothing on, as a wedged dockerd does.
type engineProxy struct {
	path    string
	backend *url.URL

	mu      sync.Mutex
	flowing chan struct{} // closed while traffic flows
	conns   map[net.Conn]bool
}

// newEngineProxy listens on a socket of its own in front of the engine.
func newEngineProxy(t *testing.T) *engineProxy {
	t.Helper()
	engine, err := client.NewClientWithOpts(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := client.ParseHostURL(engine.DaemonHost())
	_ = engine.Close()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "e2e-engine-")
	if err != nil {
		t.Fatal(err)
	}
	p := &engineProxy{path: filepath.Join(dir, "s"), backend: backend, conns: map[net.Conn]bool{}}
	p.flowing = make(chan struct{})
	close(p.flowing)
	listener, err := net.Listen("unix", p.path)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.release()
		p.mu.Lock()
		for conn := range p.conns {
			_ = conn.Close()
		}
		p.mu.Unlock()
		group.Wait()
		_ = os.RemoveAll(dir)
	})
	return p
}

func (p *engineProxy) host() string { return "unix://" + p.path }

// hang stops all traffic, on connections that stand and on new ones.
func (p *engineProxy) hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flowing = make(chan struct{})
}

// release lets what was held back go on.
func (p *engineProxy) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flowing:
	default:
		close(p.flowing)
	}
}

// wait blocks while the proxy hangs.
func (p *engineProxy) wait() {
	p.mu.Lock()
	flowing := p.flowing
	p.mu.Unlock()
	<-flowing
}

func (p *engineProxy) serve(front net.Conn) {
	p.keep(front)
	defer p.drop(front)
	p.wait()
	// For a socket, the host is its path: that is how the client parses it.
	back, err := net.Dial(p.backend.Scheme, p.backend.Host)
	if err != nil {
		return
	}
	p.keep(back)
	defer p.drop(back)
	var group sync.WaitGroup
	group.Go(func() { p.pass(back, front) })
	group.Go(func() { p.pass(front, back) })
	group.Wait()
}

// pass copies from src to dst, and passes the end on.
func (p *engineProxy) pass(dst, src net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := src.Read(buffer)
		p.wait()
		if n > 0 {
			if _, err := dst.Write(buffer[:n]); err != nil {
				break
			}
		}
		if errors.Is(err, io.EOF) {
			if half, ok := dst.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
				return
			}
		}
		if err != nil {
			break
		}
	}
	_ = dst.Close()
	_ = src.Close()
}

func (p *engineProxy) keep(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = true
}

func (p *engineProxy) drop(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	_ = conn.Close()
}
