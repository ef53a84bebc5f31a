package v1alpha1

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bounds that hold for every class. The lower ones are the engine's: it refuses less
// memory, and schedules less CPU than a millisecond in each 100 not at all. The upper
// ones are beyond any host, and keep sums from overflowing.
var (
	leastCPU    = resource.MustParse("10m")
	mostCPU     = resource.MustParse("4096")
	leastMemory = resource.MustParse("6Mi")
	mostMemory  = resource.MustParse("64Ti")
)

const (
	leastTTL = time.Second
	mostTTL  = 366 * 24 * time.Hour
)

// IsComparable says whether a quantity can be compared and computed with in reasonable
// time. Quantity accepts exponents for which its arithmetic would make a number of
// billions of digits.
func IsComparable(q resource.Quantity) bool {
	if q.Format != resource.DecimalExponent {
		return true
	}
	_, exponent, _ := strings.Cut(strings.ToLower(q.String()), "e")
	return len(strings.TrimLeft(exponent, "+-")) <= 2
}

func validateCPU(q resource.Quantity, path *field.Path) field.ErrorList {
	return validateSize(q, leastCPU, mostCPU, resource.Milli, `milli-cores, such as "500m" or "2"`, path)
}

func validateMemory(q resource.Quantity, path *field.Path) field.ErrorList {
	return validateSize(q, leastMemory, mostMemory, resource.Scale(0), `bytes, such as "512Mi"`, path)
}

func validateSize(q, least, most resource.Quantity, unit resource.Scale, units string, path *field.Path) field.ErrorList {
	if !IsComparable(q) || q.Cmp(least) < 0 || q.Cmp(most) > 0 {
		return field.ErrorList{field.Invalid(path, q.String(), fmt.Sprintf("must be from %s to %s", least.String(), most.String()))}
	}
	// ScaledValue rounds up; what is whole stays what it was.
	if rounded := resource.NewScaledQuantity(q.ScaledValue(unit), unit); rounded.Cmp(q) != 0 {
		return field.ErrorList{field.Invalid(path, q.String(), "must be a whole number of "+units)}
	}
	return nil
}

// sameSize compares as written, since what is compared may not have been validated.
func sameSize(a, b ResourceLimits) bool {
	same := func(a, b *resource.Quantity) bool {
		if a == nil || b == nil {
			return a == b
		}
		return a.String() == b.String()
	}
	return same(a.CPU, b.CPU) && same(a.Memory, b.Memory)
}

func validateDuration(d Duration, path *field.Path) field.ErrorList {
	parsed, err := d.Parse()
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, abbreviate(string(d)), err.Error())}
	case parsed < leastTTL || parsed > mostTTL:
		return field.ErrorList{field.Invalid(path, d, fmt.Sprintf("must be from %s to %s", DurationOf(leastTTL), DurationOf(mostTTL)))}
	}
	return nil
}
