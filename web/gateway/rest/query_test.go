package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func TestQuery(t *testing.T) {
	type values struct {
		Limit        int64
		Wait         time.Duration
		Since, Until time.Time
		Status       []v1alpha1.LeasePhase
		Image        string
	}
	usual := values{Limit: defaultLimit, Wait: defaultWait}
	with := func(change func(*values)) values {
		v := usual
		change(&v)
		return v
	}
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, query string
		want        values
		wrong       []string
	}{
		{name: "None", want: usual},
		{name: "Empty", query: "limit=&wait=&since=&status=&image=", want: usual},
		{name: "Unknown", query: "limits=0&pretty", want: usual},
		{name: "Limit", query: "limit=1000", want: with(func(v *values) { v.Limit = 1000 })},
		{name: "LimitZero", query: "limit=0", want: usual, wrong: []string{"?limit"}},
		{name: "LimitNegative", query: "limit=-1", want: usual, wrong: []string{"?limit"}},
		{name: "LimitTooLarge", query: "limit=1001", want: usual, wrong: []string{"?limit"}},
		{name: "LimitOverflow", query: "limit=99999999999999999999", want: usual, wrong: []string{"?limit"}},
		{name: "LimitTwice", query: "limit=1&limit=2", want: usual, wrong: []string{"?limit"}},
		{name: "WaitSeconds", query: "wait=90", want: with(func(v *values) { v.Wait = 90 * time.Second })},
		{name: "WaitNot", query: "wait=0", want: with(func(v *values) { v.Wait = 0 })},
		{name: "WaitDuration", query: "wait=1m30s", want: with(func(v *values) { v.Wait = 90 * time.Second })},
		{name: "WaitLongest", query: "wait=5m", want: with(func(v *values) { v.Wait = maxWait })},
		{name: "WaitTooLong", query: "wait=301", want: usual, wrong: []string{"?wait"}},
		{name: "WaitNegative", query: "wait=-1s", want: usual, wrong: []string{"?wait"}},
		{name: "WaitWords", query: "wait=forever", want: usual, wrong: []string{"?wait"}},
		{name: "Dates", query: "since=2026-01-02&until=2026-01-02T01:00:00%2B01:00", want: with(func(v *values) { v.Since, v.Until = day, day })},
		{name: "DateWords", query: "since=yesterday", want: usual, wrong: []string{"?since"}},
		{name: "Status", query: "status=Running&status=Failed", want: with(func(v *values) {
			v.Status = []v1alpha1.LeasePhase{v1alpha1.LeaseRunning, v1alpha1.LeaseFailed}
		})},
		{name: "StatusUnknown", query: "status=running", want: usual, wrong: []string{"?status"}},
		{name: "Several", query: "limit=x&wait=x&since=x&until=x&status=x&image=a&image=b", want: usual,
			wrong: []string{"?limit", "?wait", "?since", "?until", "?status", "?image"}},
		{name: "Encoding", query: "limit=1&image=%zz", want: with(func(v *values) { v.Limit = 1 }), wrong: []string{"?"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := readQuery(httptest.NewRequest(http.MethodGet, "/?"+tc.query, nil))
			got := values{q.limit(), q.wait(), q.moment("since"), q.moment("until"), q.status(), q.one("image")}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var wrong []string
			if p := problemIn(q.err()); p != nil {
				for _, field := range p.Errors {
					wrong = append(wrong, field.Field)
				}
			}
			if diff := cmp.Diff(tc.wrong, wrong); diff != "" {
				t.Errorf("refused: -want +got\n%s", diff)
			}
		})
	}
}

func TestIdempotencyKey(t *testing.T) {
	for _, tc := range []struct {
		name string
		keys []string
		want string
		bad  bool
	}{
		{name: "None"},
		{name: "Printable", keys: []string{"a B~"}, want: "a B~"},
		{name: "Longest", keys: []string{strings.Repeat("a", 255)}, want: strings.Repeat("a", 255)},
		{name: "TooLong", keys: []string{strings.Repeat("a", 256)}, bad: true},
		{name: "Empty", keys: []string{""}, bad: true},
		{name: "Tab", keys: []string{"a\tb"}, bad: true},
		{name: "NotASCII", keys: []string{"é"}, bad: true},
		{name: "Twice", keys: []string{"a", "a"}, bad: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := &query{}
			got := q.idempotencyKey(http.Header{idempotencyHeader: tc.keys})
			if bad := q.err() != nil; bad != tc.bad || !bad && got != tc.want {
				t.Errorf("got %q, %v", got, q.err())
			}
		})
	}
}

func TestNegotiate(t *testing.T) {
	const json, csv = "application/json", "text/csv"
	for _, tc := range []struct {
		name   string
		accept []string
		want   string
	}{
		{"NoHeader", nil, json},
		{"Anything", []string{"*/*"}, json},
		{"CSV", []string{"text/csv"}, csv},
		{"AnyText", []string{"text/*"}, csv},
		{"Browser", []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, json},
		{"Preferred", []string{"application/json;q=0.5, text/csv;q=0.9"}, csv},
		{"Specific", []string{"*/*, application/json;q=0.1"}, csv},
		{"Refused", []string{"application/json;q=0"}, ""},
		{"AnythingBut", []string{"text/csv;q=0, */*;q=0.1"}, json},
		{"Parameters", []string{"text/csv;header=present"}, csv},
		{"TwoHeaders", []string{"text/html", "text/csv"}, csv},
		{"Other", []string{"text/html"}, ""},
		{"Garbage", []string{";;,q=1,/"}, ""},
		{"BadQuality", []string{"text/csv;q=nine"}, ""},
		{"NotANumber", []string{"text/csv;q=NaN"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := negotiate(tc.accept, json, csv); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
