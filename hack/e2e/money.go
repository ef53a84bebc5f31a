package e2e

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// decimals of an amount: nano-units of the currency.
const decimals = 9

var (
	nanosecondsPerHour = new(big.Rat).SetInt64(3600 * 1e9)
	nanosecondsPerSec  = new(big.Rat).SetInt64(1e9)
	bytesPerGiB        = new(big.Rat).SetInt64(1 << 30)
)

// Bill is what the segments cost, as amount and billable seconds in the form of a billing
// record. It works in exact fractions and rounds once, unlike the code it checks.
func Bill(pricing v1alpha1.Pricing, segments []v1alpha1.UsageSegment) (amount, seconds string, err error) {
	perCPUHour, err := price(pricing.PerCPUHour)
	if err != nil {
		return "", "", err
	}
	perGiBHour, err := price(pricing.PerGiBHour)
	if err != nil {
		return "", "", err
	}
	perLease, err := price(pricing.PerLease)
	if err != nil {
		return "", "", err
	}
	total, duration := new(big.Rat), new(big.Rat)
	for i, s := range segments {
		if s.FinishedAt == nil {
			return "", "", fmt.Errorf("segment %d has no end", i)
		}
		ran := new(big.Rat).SetInt64(s.FinishedAt.Sub(s.StartedAt.Time).Nanoseconds())
		if ran.Sign() < 0 {
			return "", "", fmt.Errorf("segment %d ends before it starts", i)
		}
		cores := big.NewRat(s.CPU.MilliValue(), 1000)
		gib := new(big.Rat).Quo(new(big.Rat).SetInt64(s.Memory.Value()), bytesPerGiB)
		hourly := new(big.Rat).Add(cores.Mul(cores, perCPUHour), gib.Mul(gib, perGiBHour))
		total.Add(total, hourly.Mul(hourly, new(big.Rat).Quo(ran, nanosecondsPerHour)))
		duration.Add(duration, ran)
	}
	if len(segments) > 0 {
		total.Add(total, perLease)
	}
	return format(total), format(duration.Quo(duration, nanosecondsPerSec)), nil
}

func price(s string) (*big.Rat, error) {
	if s == "" {
		return new(big.Rat), nil
	}
	p, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("price %q is no number", s)
	}
	return p, nil
}

// format rounds half to even and writes no trailing zeros.
func format(r *big.Rat) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(decimals), nil)
	numerator := new(big.Int).Mul(r.Num(), scale)
	quotient, rest := new(big.Int).QuoRem(numerator, r.Denom(), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(r.Denom()) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		quotient.Add(quotient, new(big.Int).And(quotient, big.NewInt(1)))
	}
	digits := fmt.Sprintf("%0*d", decimals+1, quotient)
	whole, fraction := digits[:len(digits)-decimals], strings.TrimRight(digits[len(digits)-decimals:], "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}
