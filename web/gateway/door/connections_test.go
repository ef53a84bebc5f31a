package door

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

func TestLimitConnections(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := LimitConnections(inner, 1, 1)
	accepted := make(chan net.Conn)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	for range 2 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	first := <-accepted
	if _, ok := first.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn); !ok {
		t.Errorf("underneath is a %T", first)
	}
	select {
	case <-accepted:
		t.Fatal("a second connection is accepted beside the first")
	case <-time.After(50 * time.Millisecond):
	}
	for range 2 { // closing twice gives one place back
		_ = first.Close()
	}
	second := <-accepted
	// It is closed while it waits for a place.
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	_ = second.Close()
}

// TestLimitConnectionsOfAddress: one address does not get all the places.
func TestLimitConnectionsOfAddress(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := LimitConnections(inner, 3, 2)
	accepted := make(chan net.Conn, 4)
	go func() {
		defer close(accepted)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func(from string) net.Conn {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	dial("127.0.0.1")
	dial("127.0.0.1")
	first, second := <-accepted, <-accepted
	refused := dial("127.0.0.1")
	if err := refused.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("beyond its share: %v", err)
	}
	dial("127.0.0.2")
	if third := <-accepted; hostOf(third.RemoteAddr().String()) != "127.0.0.2" {
		t.Errorf("accepted %v", third.RemoteAddr())
	}
	_ = first.Close()
	_ = second.Close()
	dial("127.0.0.1")
	if again := <-accepted; hostOf(again.RemoteAddr().String()) != "127.0.0.1" {
		t.Errorf("accepted %v", again.RemoteAddr())
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for range accepted {
		t.Error("one more was accepted")
	}
}
