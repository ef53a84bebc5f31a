package lifecycle

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	provisioningDuration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "containerlease_provisioning_duration_seconds",
		Help:    "Time from the creation of a lease, in whole seconds, to the start of its container.",
		Buckets: []float64{0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600},
	})
	expiryLag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "containerlease_expiry_lag_seconds",
		Help:    "Time from the expiration of a lease to the end of its container, by the engine's clock. It includes what the command takes to end.",
		Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 300},
	})
	finishedTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "containerlease_leases_finished_total",
		Help: "Leases that ended, by the reason.",
	}, []string{"reason"})
)

func init() {
	metrics.Registry.MustRegister(provisioningDuration, expiryLag, finishedTotal)
}
