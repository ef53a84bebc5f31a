package policy

import (
	"math/big"
	"testing"
	"testing/quick"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

var usd = v1alpha1.Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"}

func segment(d time.Duration, cpu, memory string) v1alpha1.UsageSegment {
	start := v1alpha1.NewTimestamp(time.Unix(1700000000, 999999999))
	end := v1alpha1.NewTimestamp(start.Add(d))
	return v1alpha1.UsageSegment{StartedAt: start, FinishedAt: &end, CPU: resource.MustParse(cpu), Memory: resource.MustParse(memory)}
}

func TestRates(t *testing.T) {
	rate, err := HourlyRate(usd, resource.MustParse("500m"), resource.MustParse("512Mi"))
	if err != nil || rate != "0.0225" {
		t.Errorf("hourly rate: got %q, %v", rate, err)
	}
	estimate, err := Estimate(usd, resource.MustParse("500m"), resource.MustParse("512Mi"), 30*time.Minute)
	if err != nil || estimate != "0.01125" {
		t.Errorf("estimate: got %q, %v", estimate, err)
	}
	perLease := usd
	perLease.PerLease = "1"
	if rate, _ := HourlyRate(perLease, resource.MustParse("500m"), resource.MustParse("512Mi")); rate != "0.0225" {
		t.Errorf("hourly rate with a price per lease: got %q", rate)
	}
	if estimate, _ := Estimate(perLease, resource.MustParse("500m"), resource.MustParse("512Mi"), 30*time.Minute); estimate != "1.01125" {
		t.Errorf("estimate with a price per lease: got %q", estimate)
	}
	if _, err := HourlyRate(v1alpha1.Pricing{PerCPUHour: "-1"}, resource.MustParse("1"), resource.MustParse("1")); err == nil {
		t.Error("a negative price was accepted")
	}
}

func TestAmount(t *testing.T) {
	price := func(cpu, gib, lease string) v1alpha1.Pricing {
		return v1alpha1.Pricing{Currency: "USD", PerCPUHour: cpu, PerGiBHour: gib, PerLease: lease}
	}
	for name, tc := range map[string]struct {
		pricing         v1alpha1.Pricing
		segments        []v1alpha1.UsageSegment
		amount, seconds string
	}{
		"NeverStarted":            {price("1", "1", "5"), nil, "0", "0"},
		"DesignsExample":          {usd, []v1alpha1.UsageSegment{segment(1800214*time.Millisecond, "500m", "512Mi")}, "0.011251338", "1800.214"},
		"Exact":                   {usd, []v1alpha1.UsageSegment{segment(time.Hour, "500m", "512Mi")}, "0.0225", "3600"},
		"PerLeaseOnce":            {price("0", "0", "0.5"), []v1alpha1.UsageSegment{segment(1, "1", "1Gi"), segment(1, "1", "1Gi")}, "0.5", "0.000000002"},
		"PerLeaseUnset":           {price("0.04", "0.005", ""), []v1alpha1.UsageSegment{segment(time.Hour, "1", "1Gi")}, "0.045", "3600"},
		"Resized":                 {usd, []v1alpha1.UsageSegment{segment(time.Hour, "500m", "512Mi"), segment(time.Hour, "1", "1Gi")}, "0.0675", "7200"},
		"RoundedOnceNotPerRun":    {price("0.000000001", "0", "0"), []v1alpha1.UsageSegment{segment(20*time.Minute, "1", "1Gi"), segment(20*time.Minute, "1", "1Gi"), segment(20*time.Minute, "1", "1Gi")}, "0.000000001", "3600"},
		"HalfToEvenDown":          {price("0.000000001", "0", "0"), []v1alpha1.UsageSegment{segment(30*time.Minute, "1", "1Gi")}, "0", "1800"},
		"HalfToEvenUp":            {price("0.000000003", "0", "0"), []v1alpha1.UsageSegment{segment(30*time.Minute, "1", "1Gi")}, "0.000000002", "1800"},
		"JustAboveHalf":           {price("0.000000001", "0", "0"), []v1alpha1.UsageSegment{segment(30*time.Minute+1, "1", "1Gi")}, "0.000000001", "1800.000000001"},
		"ClockSetBack":            {usd, []v1alpha1.UsageSegment{segment(-time.Hour, "500m", "512Mi")}, "0", "0"},
		"Largest":                 {price("999999999.999999999", "999999999.999999999", "0"), []v1alpha1.UsageSegment{segment(366*24*time.Hour, "4096", "64Ti")}, "611647487999999999.388352512", "31622400"},
		"SizeWrittenOtherwise":    {usd, []v1alpha1.UsageSegment{segment(time.Hour, "0.5", "536870912")}, "0.0225", "3600"},
		"ANanosecondIsNotNothing": {price("999999999", "0", "0"), []v1alpha1.UsageSegment{segment(4*time.Nanosecond, "1", "1Gi")}, "0.001111111", "0.000000004"},
	} {
		t.Run(name, func(t *testing.T) {
			amount, seconds, err := Amount(tc.pricing, tc.segments)
			if err != nil {
				t.Fatal(err)
			}
			if amount != tc.amount || seconds != tc.seconds {
				t.Errorf("got %s for %s s, want %s for %s s", amount, seconds, tc.amount, tc.seconds)
			}
		})
	}
}

func TestAmountRefuses(t *testing.T) {
	open := segment(time.Hour, "1", "1Gi")
	open.FinishedAt = nil
	if _, _, err := Amount(usd, []v1alpha1.UsageSegment{open}); err == nil {
		t.Error("an open segment was billed")
	}
	if _, _, err := Amount(v1alpha1.Pricing{PerCPUHour: "free", PerGiBHour: "0"}, nil); err == nil {
		t.Error("a price that is none was accepted")
	}
}

// TestAmountAgainstRationals recomputes amounts with math/big's own rational numbers.
func TestAmountAgainstRationals(t *testing.T) {
	check := func(milli uint16, mebibytes uint16, nanos uint64, cpuPrice, gibPrice uint32) bool {
		d := time.Duration(nanos % uint64(400*24*time.Hour))
		pricing := v1alpha1.Pricing{PerCPUHour: v1alpha1.FormatDecimal(big.NewInt(int64(cpuPrice))), PerGiBHour: v1alpha1.FormatDecimal(big.NewInt(int64(gibPrice)))}
		s := segment(d, "1", "1")
		s.CPU, s.Memory = *resource.NewMilliQuantity(int64(milli), resource.DecimalSI), *resource.NewQuantity(int64(mebibytes)<<20, resource.BinarySI)
		amount, _, err := Amount(pricing, []v1alpha1.UsageSegment{s})
		if err != nil {
			return false
		}
		perHour := new(big.Rat).Mul(big.NewRat(int64(milli), 1000), big.NewRat(int64(cpuPrice), 1e9))
		perHour.Add(perHour, new(big.Rat).Mul(big.NewRat(int64(mebibytes), 1024), big.NewRat(int64(gibPrice), 1e9)))
		exact := perHour.Mul(perHour, big.NewRat(int64(d), int64(time.Hour)))
		got, ok := new(big.Rat).SetString(amount)
		if !ok {
			return false
		}
		off := new(big.Rat).Sub(got, exact)
		return off.Abs(off).Cmp(big.NewRat(1, 2e9)) <= 0
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}
