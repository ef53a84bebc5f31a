package e2e

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestBill(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	segment := func(ran time.Duration, cpu, memory string) v1alpha1.UsageSegment {
		end := v1alpha1.NewTimestamp(start.Add(ran))
		return v1alpha1.UsageSegment{
			StartedAt: v1alpha1.NewTimestamp(start), FinishedAt: &end,
			CPU: resource.MustParse(cpu), Memory: resource.MustParse(memory),
		}
	}
	standard := v1alpha1.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"}
	for name, tc := range map[string]struct {
		pricing         v1alpha1.Pricing
		segments        []v1alpha1.UsageSegment
		amount, seconds string
	}{
		"NeverStarted":  {standard, nil, "0", "0"},
		"DesignExample": {standard, []v1alpha1.UsageSegment{segment(1800214*time.Millisecond, "500m", "512Mi")}, "0.011251338", "1800.214"},
		"TwoSegments": {standard, []v1alpha1.UsageSegment{
			segment(time.Hour, "1", "1Gi"), segment(30*time.Minute, "2", "2Gi"),
		}, "0.09", "5400"},
		"PerLeaseOnce": {v1alpha1.Pricing{PerCPUHour: "0", PerGiBHour: "0", PerLease: "0.5"}, []v1alpha1.UsageSegment{
			segment(time.Second, "1", "1Gi"), segment(time.Second, "1", "1Gi"),
		}, "0.5", "2"},
		"HalfToEvenDown": {v1alpha1.Pricing{PerCPUHour: "0.000000001"}, []v1alpha1.UsageSegment{segment(30*time.Minute, "1", "1Gi")}, "0", "1800"},
		"HalfToEvenUp":   {v1alpha1.Pricing{PerCPUHour: "0.000000001"}, []v1alpha1.UsageSegment{segment(90*time.Minute, "1", "1Gi")}, "0.000000002", "5400"},
	} {
		t.Run(name, func(t *testing.T) {
			amount, seconds, err := Bill(tc.pricing, tc.segments)
			if err != nil || amount != tc.amount || seconds != tc.seconds {
				t.Errorf("Bill() = %q, %q, %v; want %q, %q", amount, seconds, err, tc.amount, tc.seconds)
			}
		})
	}
}
