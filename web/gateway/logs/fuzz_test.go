package logs

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// FuzzQuery: any query is read, or refused for the fields that it has wrong.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"", "tail=all", "tail=-1", "tail=99999999999999999999", "since=10m", "since=2026-01-02T03:04:05Z", "since=1e99h", "tail=%00&since=%ff"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return // net/http drops what it can't read
		}
		q, err := parseQuery(values, begin0)
		var p *problem.Problem
		switch {
		case err == nil && q.tail != nil && *q.tail < 0:
			t.Errorf("%q wants %d lines", raw, *q.tail)
		case err != nil && (!errors.As(err, &p) || p.Type != problem.Invalid.Type || len(p.Errors) == 0):
			t.Errorf("%q is refused as %v", raw, err)
		}
	})
}

// FuzzClient lets a client send anything once it is connected: the viewer ends, with the connection at the latest,
// and nothing panics.
func FuzzClient(f *testing.F) {
	f.Add([]byte{0x81, 0x80, 0, 0, 0, 0})                               // an empty text, masked
	f.Add([]byte{0x81, 0x05, 'h', 'e', 'l', 'l', 'o'})                  // not masked
	f.Add([]byte{0x88, 0x82, 1, 2, 3, 4, 0x02, 0xea})                   // a close
	f.Add([]byte{0x89, 0xfe, 0xff, 0xff, 0, 0, 0, 0})                   // a ping that is too long
	f.Add([]byte{0x8a, 0x80, 0, 0, 0, 0, 0x09, 0x80, 0, 0, 0, 0})       // a pong nobody waits for, a ping in parts
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) // all bits
	f.Add([]byte{0x02, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0, 0})
	b := newBench(f, clock.RealClock{})
	address := strings.TrimPrefix(b.url, "http://")
	f.Fuzz(func(t *testing.T, data []byte) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(conn, "GET /ws/logs/"+leaseUID+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nConnection: Upgrade\r\n"+
			"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer := bufio.NewReader(conn)
		response, err := http.ReadResponse(answer, nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("the upgrade was answered with %v, %v", response, err)
		}
		var log *logRequest
		select {
		case log = <-b.api.logs:
		case <-time.After(patience):
			t.Fatal("nobody asked for the log")
		}
		_, _ = conn.Write(data) // it may be cut off in the middle
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, answer)
		select {
		case <-log.gone:
		case <-time.After(patience):
			t.Error("the log of a client that has gone is still read")
		}
	})
}
