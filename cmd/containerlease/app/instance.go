package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// instance is this server among others that may drive the same engine, such as the one of a
// test run beside a developer's own. Its ID is kept in the data directory and is on every
// container it makes, so that none takes another's for orphans. While it lives it holds a
// lock on a file beside the ID, which the kernel takes back however the process ends: so a
// data directory is used by one process at a time, also if it is a volume that containers
// share, which have nothing else in common.
type instance struct {
	id   string
	lock *os.File
}

// claimRetry is how often a claim that waits looks again: a lock can't be waited for
// without giving up the choice to stop waiting.
const claimRetry = 50 * time.Millisecond

// claimInstance claims the data directory, which must exist. It waits for a process that
// holds it to end, but no longer than patience.
func claimInstance(ctx context.Context, dataDir string, patience time.Duration, logger *slog.Logger) (*instance, error) {
	id, err := instanceID(filepath.Join(dataDir, "instance-id"))
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dataDir, "instance-lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claiming data directory %s: %w", dataDir, err)
	}
	if err := acquire(ctx, lock, patience, func() {
		logger.Info("waiting for the server that uses the data directory to end", "dataDir", dataDir)
	}); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another containerlease server uses it: stop that one, or give this one another --data-dir")
		}
		return nil, errors.Join(fmt.Errorf("claiming data directory %s: %w", dataDir, err), lock.Close())
	}
	return &instance{id: id, lock: lock}, nil
}

// acquire takes the lock on a file. If another process has it, it calls waiting once, and
// fails with EWOULDBLOCK when patience is over.
func acquire(ctx context.Context, file *os.File, patience time.Duration, waiting func()) error {
	take := func() error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
	err := take()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return err
	}
	waiting()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, syscall.EWOULDBLOCK)
	defer cancel()
	retry := time.NewTicker(claimRetry)
	defer retry.Stop()
	for errors.Is(err, syscall.EWOULDBLOCK) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-retry.C:
			err = take()
		}
	}
	return err
}

// Close gives the data directory back.
func (i *instance) Close() error { return i.lock.Close() }

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
