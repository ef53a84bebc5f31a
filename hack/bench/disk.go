package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine is what the figures were measured on.
type Machine struct {
	CPUs       int    `json:"cpus"`
	CPUModel   string `json:"cpuModel"`
	MemoryMiB  uint64 `json:"memoryMiB"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	FileSystem string `json:"fileSystem"`
	Load       string `json:"loadAverage"`
}

// Disk is the floor under every durable write: what appending and syncing costs without any server.
type Disk struct {
	Sync Summary `json:"appendAndSync"`
}

// inMemory are file systems on which a sync costs nothing, so that a comparison of durable stores would be void.
var inMemory = []string{"tmpfs", "ramfs", "devtmpfs"}

// makeWorkDir makes a directory of this run's own under parent, and refuses one that is not on a disk.
func makeWorkDir(parent string) (string, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return "", fmt.Errorf("work directory: %w", err)
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("work directory: %w", err)
	}
	if kind := fileSystem(parent); slices.Contains(inMemory, kind) {
		return "", fmt.Errorf("work directory %s is in memory (%s), where syncing is free: choose one on a disk with -dir", parent, kind)
	}
	dir, err := os.MkdirTemp(parent, "bench-")
	if err != nil {
		return "", fmt.Errorf("work directory: %w", err)
	}
	return dir, nil
}

// fileSystem returns the type of the file system that a directory is on, from the kernel's mount table.
func fileSystem(dir string) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "unknown"
	}
	kind, longest := "unknown", -1
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		point := fields[1]
		inside := point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
		// A later mount hides an earlier one at the same point.
		if inside && len(point) >= longest {
			kind, longest = fields[2], len(point)
		}
	}
	return kind
}

func describeMachine(dir string) Machine {
	m := Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), FileSystem: fileSystem(dir)}
	m.CPUModel = procField("/proc/cpuinfo", "model name")
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.MemoryMiB = info.Totalram * uint64(info.Unit) >> 20
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	return m
}

// procField returns the value of the first "name: value" line of a file under /proc, or "".
func procField(file, name string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// probeDisk appends n records of a write's size to a file and syncs each.
func probeDisk(ctx context.Context, dir string, n int) (Disk, error) {
	file, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return Disk{}, fmt.Errorf("probing the disk: %w", err)
	}
	defer file.Close()
	record := bytes.Repeat([]byte{'x'}, 2048)
	series := make([]time.Duration, 0, n)
	for range n {
		if ctx.Err() != nil {
			return Disk{}, context.Cause(ctx)
		}
		start := time.Now()
		if _, err := file.Write(record); err != nil {
			return Disk{}, fmt.Errorf("probing the disk: %w", err)
		}
		if err := unix.Fdatasync(int(file.Fd())); err != nil {
			return Disk{}, fmt.Errorf("probing the disk: %w", err)
		}
		series = append(series, time.Since(start))
	}
	return Disk{Sync: summarize(series)}, nil
}
