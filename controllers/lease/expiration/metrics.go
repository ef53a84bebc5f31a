package expiration

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// stopLag is about us alone; containerlease_expiry_lag_seconds, of package lifecycle, includes
// what the command takes to end.
var stopLag = prometheus.NewHistogram(prometheus.HistogramOpts{
	Name:    "containerlease_expiry_stop_lag_seconds",
	Help:    "Time from the expiration of a lease to a stop of its container that the engine accepted.",
	Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60},
})

func init() { metrics.Registry.MustRegister(stopLag) }
