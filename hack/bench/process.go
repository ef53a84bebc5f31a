package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end after SIGTERM before it is killed.
const stopTimeout = 20 * time.Second

// process is a child that ends with the run. Its output goes to a file of the work directory.
type process struct {
	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	log    string
	done   chan struct{} // closed once it has ended
	err    error         // valid once done is closed
}

// startProcess runs a program until stop, or until ctx ends.
func startProcess(ctx context.Context, dir, name, program string, args ...string) (*process, error) {
	log, err := os.CreateTemp(dir, name+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	defer log.Close()
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: name, cancel: cancel, log: log.Name(), done: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, program, args...)
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopTimeout
	// A group of its own: a Ctrl-C at the terminal reaches us, and we end the children in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the process in good order and waits for it.
func (p *process) stop() {
	p.cancel()
	<-p.done
}

// waitUntil asks ready every interval until it says yes, the process ends or the time is up.
func (p *process) waitUntil(ctx context.Context, timeout, interval time.Duration, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready after %v", timeout))
	defer cancel()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for !ready(ctx) {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended (%w); %s", p.name, p.err, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w; %s", p.name, context.Cause(ctx), p.lastWords())
		case <-ticker.C:
		}
	}
	return nil
}

// lastWords is the end of the process's output. The file itself goes with the work directory.
func (p *process) lastWords() string {
	output, err := os.ReadFile(p.log)
	if err != nil {
		return "its output cannot be read: " + err.Error()
	}
	const tail = 2000
	if len(output) > tail {
		output = output[len(output)-tail:]
	}
	return "the end of its output:\n" + strings.TrimSpace(string(output))
}

// freeAddress returns a loopback address that nothing listens on now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
