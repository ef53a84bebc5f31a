// Bench measures ContainerLease against named peers, on this machine and in one run:
//
//   - store: the Redis store beside Kubernetes' own etcd3 store, through the same interface, with the same objects
//     and codec, both syncing every write to the same disk;
//   - lease: API create → Ready of a lease beside a bare SDK create + start of the same container;
//   - logs: lines a second and latency of a followed log, beside docker logs -f of the same container;
//   - footprint: start → ready and resident memory of the server, idle and with many leases.
//
// The two sides of a comparison take turns, and who goes first changes every round, so that noise hits both. It needs
// redis-server, a Docker Engine that holds no leased container, and the go command; etcd is compiled in. Run it with
// `go run ./hack/bench`; -quick is a smoke test whose figures mean little.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// timeLimit ends measurements that hang. A full run takes about four minutes on two idle cores.
	timeLimit = 7 * time.Minute
	// partBudget is when the store part and the lease part stop repeating themselves, on a machine so slow or so busy that
	// all repetitions would take longer than timeLimit.
	partBudget = 90 * time.Second
)

// options are what the command line says.
type options struct {
	divide  int // of the full number of repetitions and objects; more than 1 is no measurement
	only    string
	output  string
	workDir string
	server  string
	verbose bool
}

func main() {
	if len(os.Args) == 5 && os.Args[1] == etcdCommand {
		os.Exit(exitCode(serveEtcd(os.Args[2], os.Args[3], os.Args[4])))
	}
	var o options
	quick := flag.Bool("quick", false, "few repetitions: a smoke test, not a measurement")
	flag.StringVar(&o.only, "only", "", "run only these parts, separated by commas: store, lease, logs, footprint")
	flag.StringVar(&o.output, "o", "text", "text or json")
	flag.StringVar(&o.workDir, "dir", ".run", "directory for the data of the servers; must be on a disk, not in memory")
	flag.StringVar(&o.server, "server", "", "containerlease binary to measure; empty: build it")
	flag.BoolVar(&o.verbose, "v", false, "show the log of the libraries")
	flag.Parse()
	o.divide = 1
	if *quick {
		o.divide = 8
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := exitCode(run(ctx, o, os.Stdout, os.Stderr))
	stop()
	os.Exit(code)
}

// exitCode reports an error to standard error and returns the process's exit code.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

// part is one of the comparisons; it fills its section of the report.
type part struct {
	name string
	run  func(context.Context, *bench, *Report) error
	// serves says that the part runs a containerlease server.
	serves bool
}

var parts = []part{
	{"store", measureStores, false},
	{"lease", measureLease, true},
	{"logs", measureLogs, true},
	{"footprint", measureFootprint, true},
}

// bench is what the parts of a run share.
type bench struct {
	divide int
	dir    string // this run's own, removed at its end
	server string // containerlease binary, see findServer
	log    io.Writer
}

// progress tells a person what is being done.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.log, "bench: "+format+"\n", args...)
}

// times is full in a full run and a fraction of it, but no less than least, in a quick one.
func (b *bench) times(full, least int) int { return max(full/b.divide, least) }

// run measures the chosen parts and writes the report. A part that fails fails the run, but does not keep the others
// from being measured and reported.
func run(ctx context.Context, o options, out, log io.Writer) (err error) {
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	if o.output != "text" && o.output != "json" {
		return fmt.Errorf("-o %q: must be text or json", o.output)
	}
	if !o.verbose {
		klog.SetLogger(logr.Discard())
		ctrllog.SetLogger(logr.Discard())
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}

	dir, err := makeWorkDir(o.workDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{divide: o.divide, dir: dir, server: o.server, log: log}
	if slices.ContainsFunc(chosen, func(p part) bool { return p.serves }) {
		// What would fail in the end had better fail now, and building is not measuring.
		if err := refuseNeighbours(ctx); err != nil {
			return err
		}
		if err := b.findServer(ctx); err != nil {
			return err
		}
	}

	ctx, cancel := context.WithTimeoutCause(ctx, timeLimit, fmt.Errorf("the benchmark took more than %v", timeLimit))
	defer cancel()
	report := &Report{Started: time.Now().UTC().Truncate(time.Second), Quick: o.divide > 1, Machine: describeMachine(dir)}
	if report.Disk, err = probeDisk(ctx, dir, b.times(300, 1)); err != nil {
		return err
	}
	var failures []error
	for _, p := range chosen {
		if ctx.Err() != nil {
			failures = append(failures, context.Cause(ctx))
			break
		}
		if err := p.run(ctx, b, report); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	report.Took = time.Since(report.Started).Round(time.Second).String()

	if o.output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.print(out)
	}
	return errors.Join(append(failures, err)...)
}

// choose returns the parts that a comma-separated list names, all of them if it is empty.
func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: no part %q: there are store, lease, logs and footprint", name)
		}
		chosen = append(chosen, parts[i])
	}
	return chosen, nil
}
