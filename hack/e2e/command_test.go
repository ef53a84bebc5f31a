package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// commandTimeout bounds a command that is expected to end by itself.
const commandTimeout = 90 * time.Second

// tool runs a client program against a server, in a namespace.
type tool struct {
	*testing.T
	program string
	env     []string
	// prefix are arguments before the test's own.
	prefix []string
}

// kubectl returns the unmodified kubectl for the fixture's namespace.
func (f *fixture) kubectl() *tool { return f.tool(binaries.kubectl, "--namespace", f.namespace) }

// leasectl returns our own client for the fixture's namespace.
func (f *fixture) leasectl() *tool { return f.tool(binaries.leasectl, "--namespace", f.namespace) }

func (f *fixture) tool(program string, prefix ...string) *tool {
	return &tool{T: f.T, program: program, prefix: prefix, env: append(cleanEnv(), "KUBECONFIG="+f.server.kubeconfig())}
}

// with returns a tool that also has these environment variables.
func (c tool) with(env ...string) *tool {
	c.env = append(c.env[:len(c.env):len(c.env)], env...)
	return &c
}

// in is a tool for a subtest.
func (c tool) in(t *testing.T) *tool {
	c.T = t
	return &c
}

func (c *tool) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, append(c.prefix[:len(c.prefix):len(c.prefix)], args...)...)
	cmd.Env = c.env
	return cmd
}

// try runs the tool with this standard input and returns what it wrote.
func (c *tool) try(stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := c.command(ctx, args)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err = cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("did not end within %s", commandTimeout)
	}
	return out.String(), errOut.String(), err
}

// run runs the tool, which must succeed, and returns its standard output.
func (c *tool) run(args ...string) string {
	c.Helper()
	return c.feed("", args...)
}

// feed is run with a standard input.
func (c *tool) feed(stdin string, args ...string) string {
	c.Helper()
	out, errOut, err := c.try(stdin, args...)
	if err != nil {
		c.Fatalf("%s %s: %v\n%s%s", filepath.Base(c.program), strings.Join(args, " "), err, out, errOut)
	}
	return out
}

// fail runs the tool, which must not succeed, and returns all it wrote.
func (c *tool) fail(args ...string) string {
	c.Helper()
	out, errOut, err := c.try("", args...)
	if err == nil {
		c.Fatalf("%s %s: succeeded, should not have\n%s", filepath.Base(c.program), strings.Join(args, " "), out)
	}
	return out + errOut
}

// expect runs the tool, whose output must contain the texts.
func (c *tool) expect(texts []string, args ...string) string {
	c.Helper()
	out := c.run(args...)
	contains(c.T, strings.Join(args, " "), out, texts...)
	return out
}

// contains fails the test unless a text contains all these parts.
func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: no %q in:\n%s", what, part, text)
		}
	}
}

// file writes a file for one test and returns its path.
func file(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// stream is a command that goes on until it is closed, read line by line.
type stream struct {
	*testing.T
	cancel context.CancelFunc
	lines  chan string
	errOut lockedBuffer
	err    chan error
}

// start starts a command that goes on. It ends with the test at the latest.
func (c *tool) start(args ...string) *stream {
	c.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := c.command(ctx, args)
	s := &stream{T: c.T, cancel: cancel, lines: make(chan string, 10000), err: make(chan error, 1)}
	cmd.Stderr = &s.errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	go func() {
		scanner := bufio.NewScanner(out)
		for scanner.Scan() {
			s.lines <- scanner.Text()
		}
		_, _ = io.Copy(io.Discard, out)
		close(s.lines)
		s.err <- cmd.Wait()
	}()
	c.Cleanup(cancel)
	return s
}

// until returns the lines up to the first that contains the text, which must come.
func (s *stream) until(text string) []string {
	s.Helper()
	var seen []string
	deadline := time.After(eventually)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.Fatalf("the stream ended without %q (%s):\n%s", text, s.errOut.String(), strings.Join(seen, "\n"))
			}
			seen = append(seen, line)
			if strings.Contains(line, text) {
				return seen
			}
		case <-deadline:
			s.Fatalf("no %q within %s (%s):\n%s", text, eventually, s.errOut.String(), strings.Join(seen, "\n"))
		}
	}
}

// rest returns the remaining lines of a stream that must end by itself, with success.
func (s *stream) rest() []string {
	s.Helper()
	var seen []string
	deadline := time.After(eventually)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				if err := <-s.err; err != nil {
					s.Errorf("the stream ended with %v: %s", err, s.errOut.String())
				}
				return seen
			}
			seen = append(seen, line)
		case <-deadline:
			s.Fatalf("the stream did not end within %s:\n%s", eventually, strings.Join(seen, "\n"))
		}
	}
}

// lockedBuffer is a buffer that can be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
