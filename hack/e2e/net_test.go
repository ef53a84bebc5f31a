package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// decode reads one JSON value.
func decode(r io.Reader, into any) error { return json.NewDecoder(r).Decode(into) }

// greets dials, and returns nil if whoever listens says hello.
func greets(host string, port int32) error {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(int(port))), 3*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return err
	}
	said, err := io.ReadAll(conn)
	if !strings.Contains(string(said), "hello") {
		return fmt.Errorf("said %q: %v", said, err)
	}
	return nil
}
