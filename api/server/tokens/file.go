package tokens

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FileName is what the file is called in its directory.
const FileName = "tokens.json"

// lockRetry is how often a lock that another process holds is tried again. It holds it for
// one write.
const lockRetry = 5 * time.Millisecond

// version tells one content of the file from another: each write makes another file, later
// than the one before. Zero is that there is no file.
type version struct {
	inode, device uint64
	size          int64
	modified      time.Time
	mode          fs.FileMode
}

func versionOf(info fs.FileInfo) version {
	v := version{size: info.Size(), modified: info.ModTime(), mode: info.Mode()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		v.inode, v.device = stat.Ino, stat.Dev
	}
	return v
}

// file is the file by its path.
type file string

// version of the file at present.
func (f file) version() (version, error) {
	info, err := os.Stat(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return version{}, nil
	}
	if err != nil {
		return version{}, fmt.Errorf("reading the tokens: %w", err)
	}
	return versionOf(info), nil
}

// read returns the content and its version. No file is an empty one. Beside an error, the
// version is that of what failed, if it could be had. Like ssh, it refuses a file that others than
// its owner can read or, worse, write.
func (f file) read() (book, version, error) {
	// A pipe in its place must not hold up whoever wants in until somebody writes to it.
	opened, err := os.OpenFile(string(f), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return book{}, version{}, nil
	}
	if err != nil {
		v, _ := f.version()
		return nil, v, fmt.Errorf("reading the tokens: %w", err)
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return nil, version{}, fmt.Errorf("reading the tokens: %w", err)
	}
	v := versionOf(info)
	if !info.Mode().IsRegular() {
		return nil, v, fmt.Errorf("%s is no file (%s): remove it, and with it every token", f, info.Mode())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, v, fmt.Errorf("%s is open to others than its owner (mode %#o): check what it grants, then chmod 600 %[1]s", f, mode)
	}
	b, err := parse(opened)
	if err != nil {
		return nil, v, fmt.Errorf("%s is damaged: %w; restore it, or remove it and with it every token", f, err)
	}
	return b, v, nil
}

// write replaces the file at once, for good: readers, and whoever comes after a crash, see
// the old content or the new. It must follow lock.
func (f file) write(b book) (version, error) {
	v, err := f.replace(b)
	if err != nil {
		return version{}, fmt.Errorf("writing %s: %w", f, err)
	}
	return v, nil
}

func (f file) replace(b book) (version, error) {
	before, err := f.version()
	if err != nil {
		return version{}, err
	}
	directory := filepath.Dir(string(f))
	temporary, err := os.CreateTemp(directory, "."+FileName+"-*") // of mode 0600
	if err != nil {
		return version{}, err
	}
	// After the rename there is nothing left to remove.
	defer func() { _ = os.Remove(temporary.Name()) }()
	err = errors.Join(b.write(temporary), giveToOwner(temporary, directory), temporary.Sync())
	if err := errors.Join(err, temporary.Close()); err != nil {
		return version{}, err
	}
	// The kernel's time of a file moves in steps, and a freed inode is used again: two
	// writes in one step must not look the same.
	info, err := os.Stat(temporary.Name())
	if err != nil {
		return version{}, err
	}
	if !info.ModTime().After(before.modified) {
		if err := os.Chtimes(temporary.Name(), time.Time{}, before.modified.Add(time.Nanosecond)); err != nil {
			return version{}, err
		}
		if info, err = os.Stat(temporary.Name()); err != nil {
			return version{}, err
		}
	}
	if err := os.Rename(temporary.Name(), string(f)); err != nil {
		return version{}, err
	}
	return versionOf(info), syncDirectory(directory)
}

// giveToOwner gives what root has written to whom the directory belongs: the server, which
// may not be root, has to read it.
func giveToOwner(written *os.File, directory string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(directory)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	return written.Chown(int(stat.Uid), int(stat.Gid))
}

func syncDirectory(directory string) error {
	opened, err := os.Open(directory)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// lock keeps every other process from writing until unlock is called, which never fails. It waits for
// one that does until ctx ends. The lock is on the directory: it needs no file, that one
// user could make and another not open, and the kernel takes it back from whoever dies.
func (f file) lock(ctx context.Context) (unlock func(), err error) {
	directory, err := os.Open(filepath.Dir(string(f)))
	if err != nil {
		return nil, fmt.Errorf("locking the tokens: %w", err)
	}
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		err := unix.Flock(int(directory.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() {
				// Closing alone would not do while a process that is being started here still
				// shares the descriptor.
				_ = unix.Flock(int(directory.Fd()), unix.LOCK_UN)
				_ = directory.Close()
			}, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = directory.Close()
			return nil, fmt.Errorf("locking %s: %w", directory.Name(), err)
		}
		select {
		case <-ctx.Done():
			_ = directory.Close()
			return nil, fmt.Errorf("%s is locked by another process: %w", directory.Name(), ctx.Err())
		case <-retry.C:
		}
	}
}
