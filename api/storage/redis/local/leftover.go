package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// leftoverGrace is how long a server that was left behind may take to shut down before it is killed.
const leftoverGrace = 10 * time.Second

// shutDownLeftover shuts down a server that still listens on the socket. We hold the lock of the directory, so whoever
// started it is gone.
func (s *Server) shutDownLeftover(ctx context.Context) error {
	if isAbsent(s.listening()) {
		return nil
	}
	client := s.client()
	defer client.Close()
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("asking it for its process: %w", err)
	}
	pid := processID(info)
	if pid <= 1 {
		return errors.New("it does not say which process it is")
	}
	s.log.Warn("Shutting down a redis-server that was left behind", "pid", pid)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signalling process %d: %w", pid, err)
	}
	grace, cancel := context.WithTimeout(ctx, leftoverGrace)
	defer cancel()
	if err := s.awaitAbsent(grace); err == nil || ctx.Err() != nil {
		return err
	}
	s.log.Warn("Killing a redis-server that was left behind and does not stop", "pid", pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("killing process %d: %w", pid, err)
	}
	return s.awaitAbsent(ctx)
}

// awaitAbsent waits until nobody listens on the socket any more.
func (s *Server) awaitAbsent(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for !isAbsent(s.listening()) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// isAbsent reports whether an error says that nobody listens.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// processID finds the process ID in what INFO server says; 0 if it is not there.
func processID(info string) int {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "process_id:"); ok {
			pid, err := strconv.Atoi(value)
			if err != nil {
				return 0
			}
			return pid
		}
	}
	return 0
}
