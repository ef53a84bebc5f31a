package controllers

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// scrapeTimeout bounds how long a scrape waits for a cache that is still being filled.
const scrapeTimeout = time.Second

// population counts the leases there are when it is asked, so that a restart forgets nothing.
type population struct {
	cache  atomic.Pointer[client.Reader]
	leases *prometheus.Desc
}

var leasesByPhase = &population{
	leases: prometheus.NewDesc("containerlease_leases", "Leases there are, by phase.", []string{"phase"}, nil),
}

func init() { metrics.Registry.MustRegister(leasesByPhase) }

// Describe is prometheus.Collector's.
func (p *population) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- p.leases }

// Collect is prometheus.Collector's. Until the cache is filled, there is nothing to tell.
func (p *population) Collect(out chan<- prometheus.Metric) {
	cache := p.cache.Load()
	if cache == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	list := &v1alpha1.ContainerLeaseList{}
	// Only read, so the cache's own objects will do.
	if err := (*cache).List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return
	}
	counts := map[v1alpha1.LeasePhase]int{
		v1alpha1.LeasePending: 0, v1alpha1.LeaseProvisioning: 0, v1alpha1.LeaseRunning: 0, v1alpha1.LeaseSuspended: 0,
		v1alpha1.LeaseTerminating: 0, v1alpha1.LeaseFinished: 0, v1alpha1.LeaseFailed: 0,
	}
	for i := range list.Items {
		phase := list.Items[i].Status.Phase
		if phase == "" {
			phase = v1alpha1.LeasePending
		}
		counts[phase]++
	}
	for phase, n := range counts {
		out <- prometheus.MustNewConstMetric(p.leases, prometheus.GaugeValue, float64(n), string(phase))
	}
}
