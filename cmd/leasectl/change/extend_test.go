package change

import (
	"testing"
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func running(ttl v1alpha1.Duration, since time.Time) *v1alpha1.ContainerLease {
	lease := demo(ttl)
	start := v1alpha1.NewTimestamp(since)
	lease.Status.StartTime = &start
	return lease
}

func TestExtended(t *testing.T) {
	tests := map[string]struct {
		lease   *v1alpha1.ContainerLease
		by, to  string
		want    v1alpha1.Duration
		wantErr bool
	}{
		"By":                   {running("30m", noon), "15m", "", "45m", false},
		"ByOfAMixedDuration":   {running("1h59m30s", noon), "45s", "", "2h15s", false},
		"ByBeforeItStarted":    {demo("30m"), "15m", "", "45m", false},
		"ByBeyondTheNotation":  {running("99999h", noon), "1h", "", "", true},
		"ByBeyondArithmetic":   {running("99999h", noon), "99999h99999h99999h99999h", "", "", true},
		"ByOfAnUnreadableTTL":  {running("", noon), "15m", "", "", true},
		"ToADuration":          {running("30m", noon), "", "90m", "90m", false},
		"ToAMoment":            {running("30m", noon), "", "2026-03-01T13:30:00Z", "1h30m", false},
		"ToAMomentElsewhere":   {running("30m", noon), "", "2026-03-01T14:30:00+01:00", "1h30m", false},
		"ToAMomentRoundedUp":   {running("30m", noon.Add(time.Nanosecond)), "", "2026-03-01T12:10:00Z", "10m", false},
		"ToTheStart":           {running("30m", noon), "", "2026-03-01T12:00:00Z", "", true},
		"ToAMomentBeforeStart": {running("30m", noon), "", "2026-03-01T11:00:00Z", "", true},
		"ToAMomentNotStarted":  {demo("30m"), "", "2026-03-01T13:00:00Z", "", true},
		"ToNonsense":           {running("30m", noon), "", "later", "", true},
		"ByNonsense":           {running("30m", noon), "later", "", "", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := extended(tc.lease, tc.by, tc.to)
			if (err != nil) != tc.wantErr || got != tc.want {
				t.Errorf("extended() = %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestExtension(t *testing.T) {
	now := noon.Add(10 * time.Minute)
	tests := map[string]struct {
		before, after *v1alpha1.ContainerLease
		want          string
	}{
		"Longer": {
			running("30m", noon), running("45m", noon),
			"extended from 30m to 45m: expires 2026-03-01T12:45:00Z, in 35m (was 2026-03-01T12:30:00Z)",
		},
		"Shorter": {
			running("30m", noon), running("20m", noon),
			"shortened from 30m to 20m: expires 2026-03-01T12:20:00Z, in 10m (was 2026-03-01T12:30:00Z)",
		},
		"AlreadyOver": {
			running("30m", noon), running("5m", noon),
			"shortened from 30m to 5m: expires now (was 2026-03-01T12:30:00Z)",
		},
		"NotStarted": {
			demo("30m"), demo("1h"),
			"extended from 30m to 1h, counted from when its container starts",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := extension(tc.before, tc.after, now); got != tc.want {
				t.Errorf("extension() = %q, want %q", got, tc.want)
			}
		})
	}
}
