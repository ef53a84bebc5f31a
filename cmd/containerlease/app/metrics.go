package app

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// metricsHandler serves several registries as one.
func metricsHandler(gatherers ...prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(firstWins(gatherers), promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// firstWins takes each metric family from the first registry that has it. The API server and
// controller-runtime have a registry each, and both describe the process itself.
type firstWins []prometheus.Gatherer

func (g firstWins) Gather() ([]*dto.MetricFamily, error) {
	var deduplicated prometheus.Gatherers
	seen := map[string]bool{}
	for _, gatherer := range g {
		deduplicated = append(deduplicated, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			families, err := gatherer.Gather()
			var fresh []*dto.MetricFamily
			for _, family := range families {
				if !seen[family.GetName()] {
					fresh = append(fresh, family)
				}
				seen[family.GetName()] = true
			}
			return fresh, err
		}))
	}
	// Sorts the families and joins the errors.
	return deduplicated.Gather()
}
