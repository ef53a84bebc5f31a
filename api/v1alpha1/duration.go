package v1alpha1

import (
	"fmt"
	"regexp"
	"time"
)

// Duration is a length of time as Gateway API's Duration (GEP-2257) writes it: one to
// four numbers of at most five digits, each with a unit of h, m, s or ms, such as
// "30m" or "1h30m". It is kept as written, so that applying an unchanged manifest
// changes nothing.
//
// +k8s:openapi-gen=true
type Duration string

// durationPattern is GEP-2257's, verbatim. It excludes what time.ParseDuration also
// takes: signs, fractions, and units below a millisecond.
var durationPattern = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

// DurationFormat describes what Parse accepts, for error messages.
const DurationFormat = `a duration such as "30m", "1h30m" or "90s" (units h, m, s, ms; no sign, no fraction)`

// Parse returns the length of time, or an error that says what is allowed.
func (d Duration) Parse() (time.Duration, error) {
	if !durationPattern.MatchString(string(d)) {
		return 0, fmt.Errorf("must be %s", DurationFormat)
	}
	return time.ParseDuration(string(d))
}

// DurationOf writes d in the shortest form, such as "1h30m". It drops what is below a
// millisecond.
func DurationOf(d time.Duration) Duration {
	d = d.Truncate(time.Millisecond)
	if d <= 0 {
		return "0s"
	}
	var s string
	for _, unit := range []struct {
		of     time.Duration
		suffix string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / unit.of; n > 0 {
			s += fmt.Sprintf("%d%s", n, unit.suffix)
			d -= n * unit.of
		}
	}
	return Duration(s)
}
