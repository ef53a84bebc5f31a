package controllertest

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
)

// Recorder is an event recorder that keeps what it is told.
type Recorder struct {
	mu     sync.Mutex
	events []string
}

// Eventf is events.EventRecorder's.
func (r *Recorder) Eventf(_, _ runtime.Object, kind, reason, _, _ string, _ ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, kind+" "+reason)
}

// Take returns the events since it was last called, as "Warning PullFailed".
func (r *Recorder) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := slices.Clone(r.events)
	r.events = nil
	return events
}
