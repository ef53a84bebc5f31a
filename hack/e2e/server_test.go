package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Deadlines. They are generous, since they only bound how long a failure takes to be seen.
const (
	readyTimeout = 60 * time.Second
	stopTimeout  = 60 * time.Second
	pollInterval = 50 * time.Millisecond
)

// server is a containerlease process with a data directory and ports of its own, which
// it keeps when it is started again.
type server struct {
	dir                 string
	apiAddress, address string
	env                 []string

	cmd    *exec.Cmd
	exited chan struct{}
	log    *serverLog
}

// option changes how a server is started.
type option func(*server)

// withRedis keeps the state in the Redis at url instead of one of the server's own.
func withRedis(url string) option {
	return func(s *server) { s.env = append(s.env, "REDIS_URL="+url) }
}

// withEngine drives the engine at host.
func withEngine(host string) option {
	return func(s *server) { s.env = append(s.env, "DOCKER_HOST="+host) }
}

// expectErrors allows error lines in the server's log that contain one of the texts.
func expectErrors(texts ...string) option {
	return func(s *server) { s.log.expected = append(s.log.expected, texts...) }
}

// newServer makes a server without starting it.
func newServer(dir string, options ...option) (*server, error) {
	if err := build(); err != nil {
		return nil, err
	}
	s := &server{dir: dir, log: &serverLog{}}
	for _, address := range []*string{&s.apiAddress, &s.address} {
		free, err := freeAddress()
		if err != nil {
			return nil, err
		}
		*address = free
	}
	for _, o := range options {
		o(s)
	}
	return s, nil
}

// freeAddress returns an address on which nobody listens at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// startServer starts a server for one test, which must be serial, and stops it in the end. The
// test fails if the server can't be stopped in good order or its log tells of a fault.
func startServer(t *testing.T, options ...option) *server {
	t.Helper()
	s, err := newServer(t.TempDir(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stopping the server: %v", err)
		}
		for _, fault := range s.log.faults() {
			t.Errorf("the server's log: %s", fault)
		}
		if t.Failed() {
			t.Logf("end of the server's log:\n%s", s.log.tail(80))
		}
	})
	s.mustStart(t)
	return s
}

func (s *server) mustStart(t *testing.T) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("starting the server: %v\n%s", err, s.log.tail(40))
	}
}

// start starts the process and waits until it is ready.
func (s *server) start() error {
	args := []string{"serve", "--data-dir", s.dir, "--api-address", s.apiAddress, "--address", s.address}
	s.cmd = exec.Command(binaries.containerlease, args...)
	s.cmd.Env = append(cleanEnv(), s.env...)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func() {
		_ = s.cmd.Wait()
		close(exited)
	}()
	deadline := time.After(readyTimeout)
	for {
		status, body := s.probe("/readyz?verbose")
		if status == http.StatusOK {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("the process ended: %s", s.cmd.ProcessState)
		case <-deadline:
			return fmt.Errorf("not ready after %s: /readyz answers %d %s", readyTimeout, status, body)
		case <-time.After(pollInterval):
		}
	}
}

// probe asks the gateway. The status is 0 if it doesn't answer.
func (s *server) probe(path string) (status int, body string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, readAll(resp)
}

// stop ends the server as an operator does, by SIGTERM, and reports anything but a clean exit.
// It does nothing if the server doesn't run.
func (s *server) stop() error {
	if !s.running() {
		return nil
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // leaves the goroutines in the log
		<-s.exited
		return fmt.Errorf("still ran %s after SIGTERM", stopTimeout)
	}
	if !s.cmd.ProcessState.Success() {
		return fmt.Errorf("after SIGTERM: %s", s.cmd.ProcessState)
	}
	return nil
}

// kill ends the server as a crash does.
func (s *server) kill(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatalf("killing the server: %v", err)
	}
	<-s.exited
}

func (s *server) running() bool {
	if s.exited == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

func (s *server) kubeconfig() string { return filepath.Join(s.dir, "kubeconfig") }

// restConfig returns the administrator's access, without a limit on the client's side.
func (s *server) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig())
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	return config, nil
}

// client returns a typed client.
func (s *server) client() (client.WithWatch, error) {
	config, err := s.restConfig()
	if err != nil {
		return nil, err
	}
	return client.NewWithWatch(config, client.Options{Scheme: scheme.Scheme})
}

// anonymous returns an HTTP client that trusts any server and bears no credentials.
func anonymous() *http.Client {
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
}

// cleanEnv is the environment of the processes under test: nobody's own settings.
func cleanEnv() []string {
	env := []string{"HOME=" + binaries.home, "PATH=" + binaries.path}
	for _, name := range []string{"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "TMPDIR", "GORACE"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// sharedServer is the server of the parallel tests.
var sharedServer struct {
	once sync.Once
	*server
	err error
}

// shared returns the server of the parallel tests, started by the first that asks. The
// caller must have called t.Parallel.
func shared(t *testing.T) *server {
	t.Helper()
	sharedServer.once.Do(func() {
		dir, err := os.MkdirTemp("", "containerlease-e2e-shared-")
		if err != nil {
			sharedServer.err = err
			return
		}
		s, err := newServer(dir, expectErrors(
			// Leases that tests make to fail: controllers log what they retry.
			"nosuchuser", "/absent", "silent",
			// client-go calls it an error that a namespace that ends takes no more Events.
			"because it is being terminated"))
		if err == nil {
			err = s.start()
		}
		if err != nil && s != nil {
			err = fmt.Errorf("%w\n%s", err, s.log.tail(40))
		}
		sharedServer.server, sharedServer.err = s, err
	})
	if sharedServer.err != nil {
		t.Fatalf("starting the shared server: %v", sharedServer.err)
	}
	return sharedServer.server
}

// stopShared stops the shared server, if one was started, and says what was wrong with it.
func stopShared() error {
	s := sharedServer.server
	if s == nil {
		return nil
	}
	err := s.stop()
	for _, fault := range s.log.faults() {
		err = errors.Join(err, fmt.Errorf("its log: %s", fault))
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func init() {
	if err := v1alpha1.AddToScheme(scheme.Scheme); err != nil {
		panic(err)
	}
}
