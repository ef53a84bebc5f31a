package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Fsync is when Redis syncs its log to disk.
type Fsync string

const (
	// FsyncAlways syncs before a write is acknowledged: what was acknowledged survives a power failure.
	FsyncAlways Fsync = "always"
	// FsyncNever leaves it to the kernel: fast, and good enough for tests.
	FsyncNever Fsync = "no"
)

// Options of a server. Only Dir is required.
type Options struct {
	// Dir holds the data and the socket. It is created if need be and made private to the user. Its path must be short
	// enough for a socket: about 95 bytes.
	Dir string

	// Binary is the redis-server to run: a name to look up in PATH or a path. Default "redis-server".
	Binary string

	// Fsync defaults to FsyncAlways.
	Fsync Fsync

	// Logger receives what Redis logs, and what becomes of it.
	Logger *slog.Logger
}

// A Server is a running redis-server, or one about to be restarted.
type Server struct {
	options Options
	socket  string
	binary  string
	log     *slog.Logger
	lock    *os.File

	stop    context.CancelFunc
	stopped chan struct{} // closed when supervision has ended

	mu        sync.Mutex
	child     *os.Process // nil while none is running
	deaths    int         // children that died without being asked to
	lastWords string      // the last thing a child said
}

// maxSocketPath is what fits into sockaddr_un on all systems we run on, with its final zero.
const maxSocketPath = 103

// ErrInUse says that another process runs a server in the same directory.
var ErrInUse = errors.New("another server is running there")

// Start runs a redis-server and returns once it answers, or ctx ends. If a server was left behind in the directory by
// a process that was killed, it is shut down first. The server is supervised until Stop, whatever becomes of ctx.
func Start(ctx context.Context, options Options) (*Server, error) {
	if options.Binary == "" {
		options.Binary = "redis-server"
	}
	if options.Fsync == "" {
		options.Fsync = FsyncAlways
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	binary, err := exec.LookPath(options.Binary)
	if err != nil {
		return nil, fmt.Errorf("%s is not installed: set REDIS_URL to a Redis that is running (redis://HOST:6379/0), "+
			"or install it (`apt-get install redis-server`): %w", options.Binary, err)
	}
	dir, err := privateDir(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("preparing the data directory: %w", err)
	}
	options.Dir = dir
	socket := filepath.Join(dir, "redis.sock")
	if len(socket) > maxSocketPath {
		return nil, fmt.Errorf("the path of the data directory %s is too long for a socket in it (%d bytes, %d at most): choose a shorter one",
			dir, len(socket), maxSocketPath)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory %s: %w", dir, err)
	}

	s := &Server{
		options: options,
		socket:  socket,
		binary:  binary,
		log:     options.Logger.With("component", "redis-server"),
		lock:    lock,
		stopped: make(chan struct{}),
	}
	if err := s.shutDownLeftover(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("shutting down the redis-server left in %s: %w", dir, err), lock.Close())
	}
	supervision, stop := context.WithCancel(context.Background())
	s.stop = stop
	first := make(chan error, 1)
	go s.supervise(supervision, first)
	if err := <-first; err != nil {
		return nil, errors.Join(err, s.Stop(ctx))
	}
	if err := s.awaitReady(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for redis-server to answer: %w", err), s.Stop(ctx))
	}
	return s, nil
}

// URL is where the server is reached, for redis.Config.
func (s *Server) URL() string {
	return (&url.URL{Scheme: "unix", Path: s.socket}).String()
}

// Stop ends the server: it asks, waits until it has written everything, and kills it if ctx ends first. It is safe to
// call more than once.
func (s *Server) Stop(ctx context.Context) error {
	s.stop()
	s.signal(syscall.SIGTERM)
	var err error
	select {
	case <-s.stopped:
	case <-ctx.Done():
		err = fmt.Errorf("redis-server did not stop in time and was killed: %w", ctx.Err())
		s.signal(syscall.SIGKILL)
		<-s.stopped
	}
	return err
}

// signal signals the child, if there is one.
func (s *Server) signal(signal syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil {
		// It fails if the child has just died, which is what was wanted.
		_ = s.child.Signal(signal)
	}
}

// Pid returns the process ID of the server, 0 while it is not running.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return 0
	}
	return s.child.Pid
}

func (s *Server) client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{
		Network: "unix", Addr: s.socket, Protocol: 2, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		DialTimeout: time.Second, ReadTimeout: time.Second, ContextTimeoutEnabled: true,
	})
}

// listening reports whether anyone listens on the socket. The client would complain on standard error if not.
func (s *Server) listening() error {
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		return err
	}
	return conn.Close()
}

// readyPoll is how often a server that is starting is asked whether it is ready.
const readyPoll = 5 * time.Millisecond

// awaitReady waits until the server has loaded its data and answers.
func (s *Server) awaitReady(ctx context.Context) error {
	client := s.client()
	defer client.Close()
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		err := s.listening()
		if err == nil {
			err = client.Ping(ctx).Err()
		}
		if err == nil {
			return nil
		}
		if words, dead := s.hasDied(); dead {
			return fmt.Errorf("it has died; its last words are %q", words)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// hasDied reports whether a child died without being asked to, and what was last heard.
func (s *Server) hasDied() (lastWords string, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastWords, s.deaths > 0
}

// privateDir makes sure that a directory exists and that nobody else can look into it.
func privateDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("none was given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o700)
}

// lockDir makes sure that there is one server to a directory. The lock ends with the process, however that ends.
func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
