package v1alpha1

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"
)

func TestParseDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "0.04": "0.04", "1.500000000": "1.5", "999999999.999999999": "999999999.999999999", "10": "10",
	} {
		nano, err := ParseDecimal(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got := FormatDecimal(nano); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{"", " 1", "-1", "+1", "1e3", "01", ".5", "1.", "0.1234567890", "1000000000", "0x1", "1,5", "NaN", "١"} {
		if nano, err := ParseDecimal(in); err == nil {
			t.Errorf("%q was read as %v", in, nano)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[Duration]time.Duration{
		"30m": 30 * time.Minute, "1h30m": 90 * time.Minute, "90s": 90 * time.Second, "250ms": 250 * time.Millisecond, "0s": 0, "99999h": 99999 * time.Hour,
	} {
		got, err := in.Parse()
		if err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []Duration{"", "5", "-5m", "1.5h", "5us", "5 m", "100000h", "1h1h1h1h1h", "1d", "5m\n"} {
		if got, err := in.Parse(); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
	for in, want := range map[time.Duration]Duration{0: "0s", -time.Hour: "0s", 90 * time.Minute: "1h30m", 1500 * time.Millisecond: "1s500ms", 26 * time.Hour: "26h"} {
		if got := DurationOf(in); got != want {
			t.Errorf("%v: got %q, want %q", in, got, want)
		}
	}
}

func TestTimestampKeepsNanoseconds(t *testing.T) {
	in := `{"containerID":"c","startedAt":"2026-01-02T03:04:05.123456789Z","finishedAt":"2026-01-02T05:04:05+02:00","cpu":"500m","memory":"512Mi"}`
	var segment UsageSegment
	if err := json.Unmarshal([]byte(in), &segment); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(segment)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(in, "05:04:05+02:00", "03:04:05Z", 1)
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseContainerLeaseLogOptions(t *testing.T) {
	since, err := ParseTimestamp("2026-01-02T03:04:05.5Z")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		query string
		want  ContainerLeaseLogOptions
		bad   bool
	}{
		"None": {},
		"All": {query: "follow=true&tailLines=5&sinceTime=2026-01-02T03:04:05.5Z&timestamps=1&sinceSeconds=7&after=2026-01-02T03:04:05.5Z&format=json", want: ContainerLeaseLogOptions{
			Follow: true, TailLines: ptr.To[int64](5), SinceTime: &since, Timestamps: true, SinceSeconds: ptr.To[int64](7),
			After: &since, Format: LogJSON}},
		"Flag":       {query: "follow", want: ContainerLeaseLogOptions{Follow: true}},
		"NotANumber": {query: "tailLines=x", bad: true},
		"NotATime":   {query: "sinceTime=yesterday", bad: true},
		"NotABool":   {query: "follow=maybe", bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			var got ContainerLeaseLogOptions
			if err := ParseContainerLeaseLogOptions(query, &got); (err != nil) != tc.bad {
				t.Fatalf("got error %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestParseContainerLeaseStatsOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		query string
		want  bool
		bad   bool
	}{
		"None":     {},
		"Flag":     {query: "follow", want: true},
		"Value":    {query: "follow=true", want: true},
		"No":       {query: "follow=false"},
		"NotABool": {query: "follow=maybe", bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			var got ContainerLeaseStatsOptions
			if err := ParseContainerLeaseStatsOptions(query, &got); (err != nil) != tc.bad || got.Follow != tc.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// FuzzParseImagePattern checks that a pattern without a wildcard means exactly the
// reference it is written like.
func FuzzParseImagePattern(f *testing.F) {
	for _, seed := range []string{"ubuntu", "docker.io/library/alpine:3.22", "localhost:5000/a/b:c", "a/*:*", "*", "x@sha256:" + strings.Repeat("a", 64), "[::1]:5000/a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pattern, err := ParseImagePattern(s)
		if err != nil || strings.Contains(s, wildcard) {
			return
		}
		named, err := ParseImageReference(s)
		if err != nil {
			t.Fatalf("%q is a pattern but no reference: %v", s, err)
		}
		if !pattern.Matches(named) {
			t.Fatalf("pattern %q does not match itself, %s", s, named)
		}
	})
}

func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"0", "0.04", "999999999.999999999", "1.", "00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		nano, err := ParseDecimal(s)
		if err != nil {
			return
		}
		again, err := ParseDecimal(FormatDecimal(nano))
		if err != nil || again.Cmp(nano) != 0 || nano.Sign() < 0 {
			t.Fatalf("%q became %v, then %v, %v", s, nano, again, err)
		}
	})
}

// TestTimestampsCompareSemantically is what the API server does with each update.
func TestTimestampsCompareSemantically(t *testing.T) {
	status := func(at time.Time) *ContainerLease {
		start := NewTimestamp(at)
		return &ContainerLease{Status: ContainerLeaseStatus{StartTime: &start, Segments: []UsageSegment{{StartedAt: start}}}}
	}
	now := time.Now()
	if !apiequality.Semantic.DeepEqual(status(now), status(now.In(time.FixedZone("east", 3600)))) {
		t.Error("the same moment in two zones is not equal")
	}
	if apiequality.Semantic.DeepEqual(status(now), status(now.Add(time.Nanosecond))) {
		t.Error("two moments are equal")
	}
}

// TestQuantitiesCompareInTime, whatever somebody sent.
func TestQuantitiesCompareInTime(t *testing.T) {
	size := func(cpu string) ResourceLimits { return ResourceLimits{CPU: quantity(cpu)} }
	if !apiequality.Semantic.DeepEqual(size("0.5"), size("500m")) {
		t.Error("the same size written otherwise is not equal")
	}
	if apiequality.Semantic.DeepEqual(size("500m"), size("1e2000000000")) {
		t.Error("two sizes are equal")
	}
}
