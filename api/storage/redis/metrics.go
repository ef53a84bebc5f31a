package redis

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// metrics of a store. They count whether or not anyone registered them.
type metrics struct {
	scripts      *prometheus.HistogramVec
	doubts       prometheus.Counter
	losses       prometheus.Counter
	lostReplies  prometheus.Counter
	fallbacks    prometheus.Counter
	slowWatchers prometheus.Counter
	expired      prometheus.Counter

	registerer prometheus.Registerer
	registered []prometheus.Collector
}

const metricsPrefix = "containerlease_store_"

func newMetrics(registerer prometheus.Registerer, h *hub) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: metricsPrefix + name, Help: help})
	}
	m := &metrics{
		scripts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    metricsPrefix + "script_duration_seconds",
			Help:    "Round trips to Redis, by script.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}, []string{"script"}),
		doubts:       counter("fence_checks_total", "How often Redis was checked for what this process has seen, after a connection broke."),
		losses:       counter("history_losses_total", "How often Redis had lost something this process had seen."),
		lostReplies:  counter("lost_replies_total", "Mutations whose reply was lost and whose outcome was investigated."),
		fallbacks:    counter("watch_fallbacks_total", "How often a watch was too slow for its queue and went on to read history."),
		slowWatchers: counter("slow_watches_closed_total", "Watches closed because they read too slowly."),
		expired:      counter("expired_keys_total", "Keys deleted by this process at the end of their lifetime."),
		registerer:   registerer,
	}
	watches := func(state string, count func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        metricsPrefix + "watches",
			Help:        "Open watches, live or behind.",
			ConstLabels: prometheus.Labels{"state": state},
		}, func() float64 { return float64(count()) })
	}
	collectors := []prometheus.Collector{
		m.scripts, m.doubts, m.losses, m.lostReplies, m.fallbacks, m.slowWatchers, m.expired,
		watches("live", func() int { live, _ := h.counts(); return live }),
		watches("behind", func() int { _, behind := h.counts(); return behind }),
	}
	if registerer == nil {
		return m, nil
	}
	for _, collector := range collectors {
		if err := registerer.Register(collector); err != nil {
			m.unregister()
			return nil, errors.Join(errors.New("registering metrics"), err)
		}
		m.registered = append(m.registered, collector)
	}
	return m, nil
}

func (m *metrics) unregister() {
	for _, collector := range m.registered {
		m.registerer.Unregister(collector)
	}
	m.registered = nil
}

func (m *metrics) timeScript(name string, start time.Time, clock clock.PassiveClock) {
	m.scripts.WithLabelValues(name).Observe(clock.Since(start).Seconds())
}
