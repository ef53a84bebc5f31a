package local

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	firstRestart = 100 * time.Millisecond
	lastRestart  = 5 * time.Second
	// healthyAfter is how long a child must have lived for its death to count as the first.
	healthyAfter = 30 * time.Second
	// drainLimit is how long the output of a dead child may be waited for.
	drainLimit = 2 * time.Second
)

// supervise keeps a child running until ctx ends, then waits for it to exit. It reports on first whether the first one
// could be started.
func (s *Server) supervise(ctx context.Context, first chan<- error) {
	defer close(s.stopped)
	defer s.lock.Close()
	for delay := firstRestart; ; delay = min(2*delay, lastRestart) {
		started := time.Now()
		wait, err := s.launch(ctx)
		if first != nil {
			first <- err
			first = nil
			if err != nil {
				return
			}
		}
		if err == nil {
			err = wait()
		}
		if ctx.Err() != nil {
			s.log.Info("redis-server has stopped")
			return
		}
		s.mu.Lock()
		s.deaths++
		s.mu.Unlock()
		if time.Since(started) >= healthyAfter {
			delay = firstRestart
		}
		s.log.Error("redis-server has died and is restarted", "error", err, "restartIn", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
	}
}

// launch starts a child and returns a function that waits until it has exited.
func (s *Server) launch(ctx context.Context) (wait func() error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Stop cancels before it signals: a child started after that would never be told.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	output := &logWriter{heard: s.hear}
	cmd := exec.Command(s.binary, s.arguments()...)
	cmd.Dir = s.options.Dir
	cmd.Stdout, cmd.Stderr = output, output
	cmd.WaitDelay = drainLimit
	// A process group of its own keeps the terminal's Ctrl-C from it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", s.binary, err)
	}
	s.child = cmd.Process
	return func() error {
		err := cmd.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.child = nil
		return err
	}, nil
}

// arguments configure Redis completely, so that no configuration file has a say.
func (s *Server) arguments() []string {
	return []string{
		"--port", "0",
		"--unixsocket", s.socket,
		"--unixsocketperm", "700",
		"--dir", s.options.Dir,
		"--daemonize", "no",
		"--appendonly", "yes",
		"--appendfsync", string(s.options.Fsync),
		"--save", "",
		"--maxmemory-policy", "noeviction",
		"--databases", "1",
		"--logfile", "",
		"--always-show-logo", "no",
		"--set-proc-title", "no",
	}
}

// hear logs what Redis says.
func (s *Server) hear(level slog.Level, message string) {
	s.mu.Lock()
	s.lastWords = message
	s.mu.Unlock()
	s.log.Log(context.Background(), level, message)
}

// logWriter passes on what Redis logs, line by line.
type logWriter struct {
	heard func(level slog.Level, message string)

	mu      sync.Mutex
	partial []byte
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.partial = append(w.partial, p...)
	for {
		line, rest, ok := bytes.Cut(w.partial, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.partial = rest
		level, message := parseLogLine(string(line))
		if message != "" {
			w.heard(level, message)
		}
	}
}

// parseLogLine understands "<pid>:<role> <day> <month> <year> <time> <level> <message>".
func parseLogLine(line string) (slog.Level, string) {
	line = strings.TrimSpace(line)
	fields := strings.SplitN(line, " ", 7)
	if len(fields) < 7 || len(fields[5]) != 1 || !strings.Contains(fields[0], ":") {
		return slog.LevelInfo, line
	}
	switch fields[5] {
	case "#":
		return slog.LevelWarn, fields[6]
	case "*":
		return slog.LevelInfo, fields[6]
	default:
		return slog.LevelDebug, fields[6]
	}
}
