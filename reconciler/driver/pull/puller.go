package pull

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Defaults of Options.
const (
	DefaultMaxParallel = 3
	DefaultTimeout     = 30 * time.Minute
	DefaultKeep        = 10 * time.Second
)

// keepLongest bounds how long a failure is kept, which doubles with each one in a row: it is the
// back-off of pulls, of which all who want an image share one.
const keepLongest = 2 * time.Minute

// notifyEvery is how often progress is worth telling.
const notifyEvery = time.Second

// Engine is what a Puller needs of a driver.Driver.
type Engine interface {
	PullImage(ctx context.Context, reference string, progress func(driver.PullProgress)) (*driver.Image, error)
}

// Options configure a Puller. The zero value is usable.
type Options struct {
	// MaxParallel bounds the pulls that run at once; others queue. Zero is DefaultMaxParallel.
	MaxParallel int
	// Timeout bounds a pull, its time in the queue left out. Zero is DefaultTimeout.
	Timeout time.Duration
	// Keep is how long an outcome is kept, so that everybody who waits for it sees it. Within it, asking
	// again after a failure returns the failure; after it, asking starts another pull. It doubles with
	// each failure in a row, up to two minutes. Zero is DefaultKeep.
	Keep time.Duration
}

// State is how far the pull of an image is.
type State struct {
	// Done means the pull has ended: with Err, or with Image.
	Done  bool
	Image *driver.Image
	Err   error
	// Progress as last reported.
	Progress driver.PullProgress
	// StartedAt is zero while the pull waits in the queue.
	StartedAt time.Time
}

// Puller pulls each image once, however many ask for it. Its methods may be called from several
// goroutines and never block on the engine.
type Puller struct {
	engine Engine
	clock  clock.Clock
	opts   Options
	notify func(reference string)

	slots    chan struct{}
	lifetime context.Context
	end      context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	pulls map[string]*pull
}

// pull is one attempt at an image.
type pull struct {
	state  State
	cancel context.CancelFunc
	// endedAt is when it was done; notifiedAt when progress was last told.
	endedAt, notifiedAt time.Time
	// failures in a row, this one included.
	failures int
}

// kept is how long after its end the outcome stands.
func (p *pull) kept(first time.Duration) time.Duration {
	keep := first
	for range p.failures - 1 {
		if keep *= 2; keep >= keepLongest {
			return max(first, keepLongest)
		}
	}
	return keep
}

// New returns a Puller. notify is called, from any goroutine and without locks held, with the
// reference of each pull that has ended, and at most once a second for each that got further. It
// must not block.
func New(engine Engine, clk clock.Clock, opts Options, notify func(reference string)) *Puller {
	opts.MaxParallel = cmp.Or(opts.MaxParallel, DefaultMaxParallel)
	opts.Timeout = cmp.Or(opts.Timeout, DefaultTimeout)
	opts.Keep = cmp.Or(opts.Keep, DefaultKeep)
	p := &Puller{
		engine: engine,
		clock:  clk,
		opts:   opts,
		notify: notify,
		slots:  make(chan struct{}, opts.MaxParallel),
		pulls:  map[string]*pull{},
	}
	p.lifetime, p.end = context.WithCancel(context.Background())
	return p
}

// Pull returns how far the pull of an image is, and starts one if none is under way and none
// ended so shortly ago that its outcome stands. References are compared as they are written. After Close, it returns a
// state that is done with context.Canceled.
func (p *Puller) Pull(reference string) State {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	p.forgetOld(now)
	failures := 0
	if known, ok := p.pulls[reference]; ok {
		if !known.state.Done || now.Sub(known.endedAt) < known.kept(p.opts.Keep) {
			return known.state
		}
		failures = known.failures
	}
	if err := p.lifetime.Err(); err != nil {
		return State{Done: true, Err: fmt.Errorf("pulling %s: %w", reference, err)}
	}
	ctx, cancel := context.WithCancel(p.lifetime)
	started := &pull{cancel: cancel, failures: failures}
	p.pulls[reference] = started
	p.running.Add(1)
	go p.run(ctx, reference, started)
	return started.state
}

// Cancel gives up the pull of an image and forgets its outcome, if there is one. Whoever asks next
// starts another. Nobody is notified.
func (p *Puller) Cancel(reference string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.pulls[reference]; ok {
		known.cancel()
		delete(p.pulls, reference)
	}
}

// Close gives up every pull and returns when none runs.
func (p *Puller) Close() {
	p.mu.Lock()
	p.end()
	p.mu.Unlock()
	p.running.Wait()
}

// forgetOld drops outcomes that stand no more: failures only after as long again, since they
// count if there is another. The lock is held.
func (p *Puller) forgetOld(now time.Time) {
	for reference, known := range p.pulls {
		keep := known.kept(p.opts.Keep)
		if known.failures > 0 {
			keep *= 2
		}
		if known.state.Done && now.Sub(known.endedAt) >= keep {
			delete(p.pulls, reference)
		}
	}
}

func (p *Puller) run(ctx context.Context, reference string, current *pull) {
	defer p.running.Done()
	defer current.cancel()
	image, err := p.pull(ctx, reference, current)

	p.mu.Lock()
	current.state.Done, current.state.Image, current.state.Err = true, image, err
	current.endedAt = p.clock.Now()
	if err != nil {
		current.failures++
	} else {
		current.failures = 0
	}
	wanted := p.pulls[reference] == current
	p.mu.Unlock()
	if wanted && p.lifetime.Err() == nil {
		p.notify(reference)
	}
}

// pull waits for its turn and pulls.
func (p *Puller) pull(ctx context.Context, reference string, current *pull) (*driver.Image, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	defer close(ended)
	deadline := p.clock.NewTimer(p.opts.Timeout)
	go func() {
		defer deadline.Stop()
		select {
		case <-deadline.C():
			cancel(fmt.Errorf("pulling %s: not done within %v: %w", reference, p.opts.Timeout, context.DeadlineExceeded))
		case <-ended:
		}
	}()

	p.mu.Lock()
	current.state.StartedAt = p.clock.Now()
	p.mu.Unlock()
	image, err := p.engine.PullImage(ctx, reference, func(progress driver.PullProgress) {
		p.progressed(reference, current, progress)
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return image, err
}

// progressed takes in a report, of which an engine makes hundreds a second.
func (p *Puller) progressed(reference string, current *pull, progress driver.PullProgress) {
	p.mu.Lock()
	changed := current.state.Progress != progress
	current.state.Progress = progress
	now := p.clock.Now()
	tell := changed && now.Sub(current.notifiedAt) >= notifyEvery && p.pulls[reference] == current
	if tell {
		current.notifiedAt = now
	}
	p.mu.Unlock()
	if tell {
		p.notify(reference)
	}
}
