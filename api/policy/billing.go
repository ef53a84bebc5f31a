package policy

import (
	"fmt"
	"math/big"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// All sums are integers over one denominator: thousandths of a core × bytes of a GiB ×
// nanoseconds of an hour. They are exact until the one division at the end.
var (
	milliPerCore = big.NewInt(1000)
	bytesPerGiB  = big.NewInt(1 << 30)
	nanosPerHour = big.NewInt(int64(time.Hour))
	denominator  = new(big.Int).Mul(new(big.Int).Mul(milliPerCore, bytesPerGiB), nanosPerHour)
)

// prices are a class's prices in nano-units of the currency.
type prices struct{ perCPUHour, perGiBHour, perLease *big.Int }

func parsePricing(pricing v1alpha1.Pricing) (prices, error) {
	perLease := pricing.PerLease
	if perLease == "" {
		perLease = "0"
	}
	var parsed [3]*big.Int
	for i, price := range [3]struct{ field, value string }{
		{"perCPUHour", pricing.PerCPUHour}, {"perGiBHour", pricing.PerGiBHour}, {"perLease", perLease},
	} {
		nano, err := v1alpha1.ParseDecimal(price.value)
		if err != nil {
			return prices{}, fmt.Errorf("pricing.%s: %q %w", price.field, price.value, err)
		}
		parsed[i] = nano
	}
	return prices{parsed[0], parsed[1], parsed[2]}, nil
}

// charge is (cpu · perCPUHour + memory · perGiBHour) · d in nano-units, times the denominator.
func (p prices) charge(cpu, memory resource.Quantity, d time.Duration) *big.Int {
	ofCPU := new(big.Int).Mul(big.NewInt(cpu.MilliValue()), p.perCPUHour)
	ofCPU.Mul(ofCPU, bytesPerGiB)
	ofMemory := new(big.Int).Mul(big.NewInt(memory.Value()), p.perGiBHour)
	ofMemory.Mul(ofMemory, milliPerCore)
	ofCPU.Add(ofCPU, ofMemory)
	return ofCPU.Mul(ofCPU, big.NewInt(int64(d)))
}

// total adds the price of a lease and rounds.
func (p prices) total(charged *big.Int) string {
	sum := new(big.Int).Mul(p.perLease, denominator)
	return v1alpha1.FormatDecimal(roundHalfEven(sum.Add(sum, charged)))
}

// HourlyRate is the price of an hour at a size, without what is charged per lease.
func HourlyRate(pricing v1alpha1.Pricing, cpu, memory resource.Quantity) (string, error) {
	p, err := parsePricing(pricing)
	if err != nil {
		return "", err
	}
	return v1alpha1.FormatDecimal(roundHalfEven(p.charge(cpu, memory, time.Hour))), nil
}

// Estimate is the price of a lease that runs for all of its ttl at one size.
func Estimate(pricing v1alpha1.Pricing, cpu, memory resource.Quantity, ttl time.Duration) (string, error) {
	p, err := parsePricing(pricing)
	if err != nil {
		return "", err
	}
	return p.total(p.charge(cpu, memory, max(ttl, 0))), nil
}

// Amount is what a lease with these segments costs, and the sum of their durations in
// seconds, both as decimal strings. It is rounded once, half to even, to nine decimals.
// Without segments the container never started, and both are "0".
//
// A segment that ends before it starts (the engine's clock was set back) counts
// nothing: a bill must not fail, and the doubt is in the user's favour. It fails for a
// segment that hasn't ended and for a price that isn't one.
func Amount(pricing v1alpha1.Pricing, segments []v1alpha1.UsageSegment) (amount, billableSeconds string, err error) {
	p, err := parsePricing(pricing)
	if err != nil {
		return "", "", err
	}
	if len(segments) == 0 {
		return "0", "0", nil
	}
	charged, nanos := new(big.Int), new(big.Int)
	for i, segment := range segments {
		if segment.FinishedAt == nil {
			return "", "", fmt.Errorf("segments[%d]: has not ended", i)
		}
		d := max(segment.FinishedAt.Sub(segment.StartedAt.Time), 0)
		charged.Add(charged, p.charge(segment.CPU, segment.Memory, d))
		nanos.Add(nanos, big.NewInt(int64(d)))
	}
	// A nanosecond is to a second what a nano-unit is to a unit.
	return p.total(charged), v1alpha1.FormatDecimal(nanos), nil
}

// roundHalfEven divides a non-negative number by the denominator.
func roundHalfEven(n *big.Int) *big.Int {
	quotient, rest := new(big.Int).QuoRem(n, denominator, new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(denominator) {
	case 1:
		return quotient.Add(quotient, big.NewInt(1))
	case 0:
		return quotient.Add(quotient, big.NewInt(int64(quotient.Bit(0))))
	}
	return quotient
}
