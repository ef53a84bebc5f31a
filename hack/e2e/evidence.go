package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"k8s.io/apimachinery/pkg/types"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Run is one run of a container, from a start to a die, by the engine's own account.
type Run struct {
	UID         types.UID
	Namespace   string
	Name        string
	ContainerID string
	// StartedAt is what inspect said once it had started; the time of the engine's event, which is a
	// little later, if the container had been started again by the time it was asked.
	StartedAt time.Time
	// Inspected says that StartedAt is what inspect said.
	Inspected bool
	// FinishedAt is what inspect said after its end; zero if the container was removed
	// before it could be asked. DiedAt, the time of the engine's event, is a few
	// milliseconds later and never missed; zero while the container runs.
	FinishedAt, DiedAt time.Time
	ExitCode           int
	// startEvent is the time of the engine's event, a little later than StartedAt.
	startEvent time.Time
	// NanoCPUs, Memory and MemorySwap are the limits at the start.
	NanoCPUs, Memory, MemorySwap int64
}

// Recorder keeps what the engine says about owned containers while it happens, since
// containers are removed soon after their end. It reads events and inspects; it changes nothing.
type Recorder struct {
	engine *client.Client
	stop   context.CancelFunc
	done   chan struct{}
	asks   sync.WaitGroup

	mu   sync.Mutex
	runs []*Run
	err  error
}

// Record starts to record. It returns once the engine's stream stands.
func Record(engine *client.Client) (*Recorder, error) {
	ctx, stop := context.WithCancel(context.Background())
	r := &Recorder{engine: engine, stop: stop, done: make(chan struct{})}
	// Beginning in the past makes the stream's start free of a race; what is older than
	// the recorder is dropped.
	info, err := engine.Info(ctx)
	if err != nil {
		stop()
		return nil, fmt.Errorf("asking the engine for its time: %w", err)
	}
	messages, errs := engine.Events(ctx, events.ListOptions{
		Since: info.SystemTime,
		Filters: filters.NewArgs(
			filters.Arg("type", string(events.ContainerEventType)),
			filters.Arg("label", v1alpha1.LabelUID)),
	})
	go func() {
		defer close(r.done)
		for {
			select {
			case m := <-messages:
				r.handle(ctx, m)
			case err := <-errs:
				if ctx.Err() == nil {
					r.mu.Lock()
					r.err = fmt.Errorf("following the engine's events: %w", err)
					r.mu.Unlock()
				}
				return
			}
		}
	}()
	return r, nil
}

// Close ends the recording.
func (r *Recorder) Close() {
	r.stop()
	<-r.done
	r.asks.Wait()
}

// Err says why the recording is incomplete, if it is.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Runs returns a copy of the runs of an owner, or of all if uid is empty, oldest first.
func (r *Recorder) Runs(uid types.UID) []Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	var runs []Run
	for _, run := range r.runs {
		if uid == "" || run.UID == uid {
			runs = append(runs, *run)
		}
	}
	slices.SortStableFunc(runs, func(a, b Run) int { return a.StartedAt.Compare(b.StartedAt) })
	return runs
}

func (r *Recorder) handle(ctx context.Context, m events.Message) {
	switch m.Action {
	case events.ActionStart:
		labels := m.Actor.Attributes
		run := &Run{
			UID:       types.UID(labels[v1alpha1.LabelUID]),
			Namespace: labels[v1alpha1.LabelNamespace], Name: labels[v1alpha1.LabelName],
			ContainerID: m.Actor.ID,
			startEvent:  time.Unix(0, m.TimeNano),
			// Until inspect has told better.
			StartedAt: time.Unix(0, m.TimeNano),
		}
		r.mu.Lock()
		r.runs = append(r.runs, run)
		r.mu.Unlock()
		r.inspect(ctx, run)
	case events.ActionDie:
		r.mu.Lock()
		var ended *Run
		for _, run := range r.runs {
			if run.ContainerID == m.Actor.ID && run.DiedAt.IsZero() {
				ended = run
			}
		}
		if ended != nil {
			ended.DiedAt = time.Unix(0, m.TimeNano)
			ended.ExitCode, _ = strconv.Atoi(m.Actor.Attributes["exitCode"])
		}
		r.mu.Unlock()
		if ended != nil {
			r.inspect(ctx, ended)
		}
	}
}

// inspect completes a run with what the engine says now. It asks on the side, so that the next
// event's container is asked in time, too.
func (r *Recorder) inspect(ctx context.Context, run *Run) {
	r.asks.Add(1)
	go func() {
		defer r.asks.Done()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		found, err := r.engine.ContainerInspect(ctx, run.ContainerID)
		if err != nil {
			return // removed already: the event's time has to do
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		run.complete(found)
	}()
}

func (run *Run) complete(found container.InspectResponse) {
	started, finished := engineTime(found.State.StartedAt), engineTime(found.State.FinishedAt)
	// An answer may come late and speak of the container's next run, which began after this event.
	if started.After(run.startEvent) {
		return
	}
	run.StartedAt, run.Inspected = started, true
	if run.NanoCPUs == 0 {
		run.NanoCPUs, run.Memory, run.MemorySwap = found.HostConfig.NanoCPUs, found.HostConfig.Memory, found.HostConfig.MemorySwap
	}
	if !run.DiedAt.IsZero() && finished.After(started) {
		run.FinishedAt = finished
	}
}

// engineTime reads a time of an inspect. The engine writes year 1 where there is none.
func engineTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t
}
