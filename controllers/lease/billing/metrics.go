package billing

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

var (
	// billedAmount is for dashboards. Accounts are made from the records, whose decimals are exact.
	billedAmount = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "containerlease_billed_amount_total",
		Help: "What has been billed since the process started, in units of the currency.",
	}, []string{"currency"})
	billedSeconds = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "containerlease_billed_seconds_total",
		Help: "Container seconds that have been billed since the process started.",
	})
)

func init() { metrics.Registry.MustRegister(billedAmount, billedSeconds) }

func observe(record *v1alpha1.BillingRecord) {
	if amount, err := strconv.ParseFloat(record.Spec.Amount, 64); err == nil {
		billedAmount.WithLabelValues(record.Spec.Currency).Add(amount)
	}
	if seconds, err := strconv.ParseFloat(record.Spec.BillableSeconds, 64); err == nil {
		billedSeconds.Add(seconds)
	}
}
