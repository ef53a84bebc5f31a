package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// manySlowReaders is how many viewers read too slowly; manySlowReadersRace with the race detector, with which two
	// cores can't keep up with more, themselves. slowness is how long each rests between two frames.
	manySlowReaders     = 500
	manySlowReadersRace = 50
	slowness            = 50 * time.Millisecond
	// readerMemory is how much memory a viewer may cost that does not keep up, all told, garbage included. With
	// the race detector everything is several times as large, and the bound says little.
	readerMemory     = 1 << 20
	readerMemoryRace = 6 << 20
)

// TestSlowReaders: viewers who do not keep up cost bounded memory, are told what they miss, and delay nobody.
func TestSlowReaders(t *testing.T) {
	slowReaders, bound := manySlowReaders, int64(readerMemory)
	if raceDetector {
		slowReaders, bound = manySlowReadersRace, readerMemoryRace
	}
	s := startServer(t)
	g := newFixture(t, s).gateway()
	// Short lines, so that the engine does not rotate its file meanwhile: it repeats lines then.
	lease := g.provision("chatty", "i=0; while true; do i=$((i+1)); echo $i; [ $((i%100)) = 0 ] && usleep 50000; done")
	id := string(lease.UID)
	normal := &reader{log: g.logs(id, "?tail=0", 0)}
	go normal.read()
	alone := normal.during(5 * time.Second)
	before := s.memory(t)

	enough := make(chan struct{})
	var told, lost atomic.Int64
	var readers sync.WaitGroup
	for range slowReaders {
		log := g.logs(id, "?tail=10", 16<<10)
		readers.Go(func() {
			switch dropped, err := readSlowly(log, enough); {
			case err != nil:
				lost.Add(1)
				t.Logf("a slow reader: %v", err)
			case dropped:
				told.Add(1)
			}
		})
	}
	peak := before
	measured := make(chan struct{})
	go func() {
		defer close(measured)
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			peak = max(peak, s.memory(t))
		}
	}()
	beside := normal.during(20 * time.Second)
	<-measured
	close(enough)
	readers.Wait()

	each := (peak - before) / int64(slowReaders)
	t.Logf("server: %d MiB before, at most %d MiB with %d slow readers: %d KiB each", before>>20, peak>>20, slowReaders, each>>10)
	t.Logf("normal reader, from the engine's time of a line to the client's: alone %s; beside the slow ones %s", alone, beside)
	if each > bound {
		t.Errorf("a slow reader costs %d KiB, want at most %d", each>>10, bound>>10)
	}
	if lost.Load() > 0 || told.Load() < int64(slowReaders) {
		t.Errorf("of %d slow readers, %d were cut off, and %d were told that lines are missing; want all told", slowReaders, lost.Load(), told.Load())
	}
	if limit := max(time.Second, 10*alone.median); beside.median > limit {
		t.Errorf("the normal reader is %s behind, want at most %s", beside.median, limit)
	}
	_ = normal.log.Conn.Close()
	if err := normal.err(); err != nil {
		t.Errorf("the normal reader: %v", err)
	}
}

// readSlowly reads with rests until enough is closed, and then as fast as it can until it is told of dropped lines.
func readSlowly(log *logSocket, enough <-chan struct{}) (dropped bool, err error) {
	rest := slowness
	for !dropped {
		select {
		case <-enough:
			rest = 0
		case <-time.After(rest):
		}
		f, err := log.frame()
		if err != nil {
			return false, err
		}
		dropped = f.Dropped > 0
	}
	<-enough
	return true, nil
}

// reader reads a log without rest, and notes how old each line is when it comes.
type reader struct {
	log *logSocket

	mu     sync.Mutex
	delays []time.Duration
	fault  error
}

// delay is how old lines were when they came.
type delay struct {
	lines       int
	median, p99 time.Duration
}

func (d delay) String() string {
	return fmt.Sprintf("median %s, p99 %s of %d lines", d.median, d.p99, d.lines)
}

// during returns the delays of a while.
func (r *reader) during(d time.Duration) delay {
	r.mu.Lock()
	r.delays = nil
	r.mu.Unlock()
	time.Sleep(d)
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.delays)
	if n == 0 {
		return delay{median: d, p99: d}
	}
	slices.Sort(r.delays)
	return delay{n, r.delays[n/2], r.delays[n*99/100]}
}

func (r *reader) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// read reads until the connection ends. Lines that are out of order are a fault.
func (r *reader) read() {
	last := 0
	for {
		f, err := r.log.frame()
		if err != nil {
			return
		}
		late := time.Since(f.Timestamp)
		var n int
		_, err = fmt.Sscan(f.Message, &n)
		r.mu.Lock()
		switch {
		case f.Dropped > 0:
			r.fault = fmt.Errorf("it did not keep up: %+v", f)
		case err != nil || f.Stream != "stdout" || last > 0 && n != last+1:
			r.fault = fmt.Errorf("after line %d came %+v", last, f)
		}
		r.delays = append(r.delays, late)
		r.mu.Unlock()
		last = n
	}
}

// memory is how much memory the server's process has, in bytes.
func (s *server) memory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	t.Fatal("the process has no VmRSS")
	return 0
}
