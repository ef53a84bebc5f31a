package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// instance is this server among others that may drive the same engine, such as the one of a
// test run beside a developer's own. Its ID is kept in the data directory and is on every
// container it makes, so that none takes another's for orphans. While it lives it holds an
// abstract Unix socket named after the ID, which the kernel takes back however the
// process ends: so a data directory is used by one process at a time.
type instance struct {
	id       string
	listener net.Listener
}

// claimInstance claims the data directory, which must exist. It waits for a process that
// holds it to end, but no longer than patience.
func claimInstance(ctx context.Context, dataDir string, patience time.Duration, logger *slog.Logger) (*instance, error) {
	id, err := instanceID(filepath.Join(dataDir, "instance-id"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socketName(id))
		if err == nil {
			return &instance{id: id, listener: listener}, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("claiming data directory %s: %w", dataDir, err)
		}
		logger.Info("waiting for the server that uses the data directory to end", "dataDir", dataDir)
		if err := awaitEnd(ctx, id); err != nil {
			return nil, fmt.Errorf("data directory %s is used by another containerlease server: stop that one, or give this one another --data-dir", dataDir)
		}
	}
}

// awaitEnd blocks until the process that holds the socket of id has ended.
func awaitEnd(ctx context.Context, id string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socketName(id))
	if err != nil {
		return ctx.Err() // it ended in between, unless ctx did
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	// Nobody ever answers: reading ends with the process at the other side.
	_, _ = io.Copy(io.Discard, conn)
	return ctx.Err()
}

// Close gives the data directory back.
func (i *instance) Close() error { return i.listener.Close() }

func socketName(id string) string { return "@containerlease/" + id }

// instanceID reads the ID in file, or makes one there.
func instanceID(file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return newInstanceID(file)
	}
	if err != nil {
		return "", fmt.Errorf("reading the instance ID: %w", err)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(data)))
	if err != nil {
		return "", fmt.Errorf("%s does not hold a UUID: %w; remove it to have a new one made", file, err)
	}
	return id.String(), nil
}

// newInstanceID writes through a temporary file, so that a crash leaves no half of one; the
// link fails, and the other's ID is read, if two processes start at once.
func newInstanceID(file string) (string, error) {
	temporary := fmt.Sprintf("%s.%d", file, os.Getpid())
	if err := os.WriteFile(temporary, []byte(uuid.NewString()+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the instance ID: %w", err)
	}
	defer func() { _ = os.Remove(temporary) }()
	if err := os.Link(temporary, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("writing the instance ID: %w", err)
	}
	return instanceID(file)
}
