package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// readyTimeout bounds the start of the server.
const readyTimeout = time.Minute

// server is a running containerlease server, with its Redis.
type server struct {
	*process
	dataDir string
	gateway string // its address
	// ready is the time from the start of the process to the first 200 of /readyz.
	ready time.Duration
}

// findServer builds the server as it is released, unless the command line names a binary.
func (b *bench) findServer(ctx context.Context) (err error) {
	if b.server != "" {
		b.server, err = filepath.Abs(b.server)
		return err
	}
	b.progress("building the server")
	binary := filepath.Join(b.dir, "containerlease")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary,
		"github.com/containerlease/containerlease/cmd/containerlease")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the server: %w\n%s", err, output)
	}
	b.server = binary
	return nil
}

// startServer starts a server, which findServer has found, with its own Redis on a data directory, and waits until it is ready.
func (b *bench) startServer(ctx context.Context, dataDir string) (*server, error) {
	api, err := freeAddress()
	if err != nil {
		return nil, err
	}
	gateway, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// No settings of the machine's own server: they could point it to another Redis.
	start := time.Now()
	p, err := startProcess(ctx, b.dir, "containerlease", b.server, "serve", "--config", os.DevNull, "--redis-url=",
		"--data-dir", dataDir, "--api-address", api, "--address", gateway)
	if err != nil {
		return nil, err
	}
	if err := p.waitUntil(ctx, readyTimeout, time.Millisecond, answers("http://"+gateway+"/readyz")); err != nil {
		p.stop()
		return nil, err
	}
	return &server{process: p, dataDir: dataDir, gateway: gateway, ready: time.Since(start)}, nil
}

// answers asks whether a URL answers 200.
func answers(url string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}
}

// client returns a client of the server's API, with the admin's kubeconfig and without client-side throttling.
func (s *server) client() (client.WithWatch, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.dataDir, "kubeconfig"))
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("making the client: %w", err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("making the client: %w", err)
	}
	return c, nil
}

// Memory is what is resident, in MiB.
type Memory struct {
	Server float64 `json:"serverMiB"`
	// ServerOwn is the part of Server that the process made; the rest is pages of its binary, which the kernel can drop.
	ServerOwn float64 `json:"serverOwnMiB"`
	// ServerPeak is the most that Server has been so far.
	ServerPeak float64 `json:"serverPeakMiB"`
	Redis      float64 `json:"redisMiB"`
}

// memory reads the resident memory of the server and of the redis-server it started.
func (s *server) memory() (Memory, error) {
	pid := strconv.Itoa(s.cmd.Process.Pid)
	m := Memory{Server: statusMiB(pid, "VmRSS"), ServerOwn: statusMiB(pid, "RssAnon"), ServerPeak: statusMiB(pid, "VmHWM")}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return m, fmt.Errorf("looking for the server's redis-server: %w", err)
	}
	child := slices.IndexFunc(processes, func(entry os.DirEntry) bool {
		status := filepath.Join("/proc", entry.Name(), "status")
		return procField(status, "PPid") == pid && procField(status, "Name") == "redis-server"
	})
	if child < 0 || m.Server == 0 {
		return m, errors.New("the server or its redis-server is gone")
	}
	m.Redis = statusMiB(processes[child].Name(), "VmRSS")
	return m, nil
}

// statusMiB reads a size from /proc/PID/status; 0 if the process is gone.
func statusMiB(pid, field string) float64 {
	kib, err := strconv.ParseFloat(strings.TrimSuffix(procField("/proc/"+pid+"/status", field), " kB"), 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}
