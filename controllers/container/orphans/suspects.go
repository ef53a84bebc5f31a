package orphans

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/containerlease/containerlease/reconciler/driver"
)

var removals = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "containerlease_orphans_removed_total",
	Help: "Removals of containers, networks and volumes without a lease, by kind and result.",
}, []string{"kind", "result"})

func init() { metrics.Registry.MustRegister(removals) }

// suspects returns what the engine has that no lease in the cache stands for.
func (c *Controller) suspects(ctx context.Context) ([]suspect, error) {
	containers, err := c.driver.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	strays, err := c.driver.ListStrays(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing strays: %w", err)
	}
	all := make([]suspect, 0, len(containers)+len(strays))
	for _, container := range containers {
		all = append(all, suspect{kind: kindContainer, owner: container.Owner})
	}
	for _, stray := range strays {
		all = append(all, suspect{kind: stray.Kind, id: stray.ID, owner: stray.Owner})
	}
	return c.unowned(ctx, all), nil
}

// suspectsOfEvent is about containers that others make, and those of leases that are over. What goes
// away is no concern.
func (c *Controller) suspectsOfEvent(e driver.Event) []suspect {
	if e.Action == "destroy" {
		return nil
	}
	return c.unowned(context.Background(), []suspect{{kind: kindContainer, owner: e.Owner}})
}

// unowned leaves out whose lease is in the cache. If in doubt, a suspect stays one: Reconcile looks
// closer.
func (c *Controller) unowned(ctx context.Context, all []suspect) []suspect {
	var left []suspect
	for _, s := range all {
		if owned, err := c.owned(ctx, c.cache, s.owner); err != nil || !owned {
			left = append(left, s)
		}
	}
	return left
}

// sweep is a source that enqueues the suspects at the start and each interval.
type sweep struct{ controller *Controller }

// Start is source.Source's.
func (w *sweep) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[suspect]) error {
	go func() {
		ticker := w.controller.clock.NewTicker(w.controller.interval)
		defer ticker.Stop()
		for {
			w.once(ctx, queue)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C():
			}
		}
	}()
	return nil
}

func (w *sweep) once(ctx context.Context, queue workqueue.TypedRateLimitingInterface[suspect]) {
	began := w.controller.clock.Now()
	suspects, err := w.controller.suspects(ctx)
	if err != nil {
		if ctx.Err() == nil {
			log.FromContext(ctx).Error(err, "looking for orphans; trying again at the next interval", "after", w.controller.interval.String())
		}
		return
	}
	for _, s := range suspects {
		queue.Add(s)
	}
	log.FromContext(ctx).V(1).Info("looked for orphans", "suspects", len(suspects), "took", w.controller.clock.Since(began).Round(time.Millisecond).String())
}
