package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	defaultLimit, maxLimit = 500, 1000
	defaultWait, maxWait   = 30 * time.Second, 5 * time.Minute
)

// query reads the parameters of a request. What is wrong with any of them is collected, so
// that err says everything at once. An empty parameter is one that is not given.
type query struct {
	values url.Values
	wrong  []problem.FieldError
}

func readQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.refuse("?", "is not correctly encoded: "+abbreviate(err.Error()))
	}
	return q
}

func (q *query) refuse(field, message string) {
	q.wrong = append(q.wrong, problem.FieldError{Field: field, Message: message})
}

// err is a problem.Invalid if anything was wrong.
func (q *query) err() error {
	if len(q.wrong) > 0 {
		return invalid(q.wrong...)
	}
	return nil
}

// one returns a parameter that can be given once.
func (q *query) one(name string) string {
	values := q.values[name]
	if len(values) > 1 {
		q.refuse("?"+name, "must be given once")
		return ""
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func (q *query) limit() int64 {
	given := q.one("limit")
	if given == "" {
		return defaultLimit
	}
	limit, err := strconv.ParseInt(given, 10, 32)
	if err != nil || limit < 1 || limit > maxLimit {
		q.refuse("?limit", "must be a whole number from 1 to "+strconv.Itoa(maxLimit))
		return defaultLimit
	}
	return limit
}

// wait is a duration or a number of seconds.
func (q *query) wait() time.Duration {
	given := q.one("wait")
	if given == "" {
		return defaultWait
	}
	wait, err := time.ParseDuration(given)
	if seconds, notSeconds := strconv.ParseUint(given, 10, 16); notSeconds == nil {
		wait, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || wait < 0 || wait > maxWait {
		q.refuse("?wait", `must be from 0 to 5m, as a duration such as "90s" or in whole seconds`)
		return defaultWait
	}
	return wait
}

// moment is RFC 3339 or a date; the zero time if it is not given.
func (q *query) moment(name string) time.Time {
	given := q.one(name)
	if given == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if moment, err := time.Parse(layout, given); err == nil {
			return moment
		}
	}
	q.refuse("?"+name, `must be a moment such as "2006-01-02T15:04:05Z" (RFC 3339) or a date such as "2006-01-02"`)
	return time.Time{}
}

// statuses are those that leases can be listed by, in the order of a lease's life.
var statuses = []v1alpha1.LeasePhase{
	v1alpha1.LeasePending, v1alpha1.LeaseProvisioning, v1alpha1.LeaseRunning, v1alpha1.LeaseSuspended,
	v1alpha1.LeaseTerminating, v1alpha1.LeaseFinished, v1alpha1.LeaseFailed,
}

// status can be repeated; none means any.
func (q *query) status() []v1alpha1.LeasePhase {
	var wanted []v1alpha1.LeasePhase
	for _, given := range q.values["status"] {
		switch status := v1alpha1.LeasePhase(given); {
		case given == "":
		case slices.Contains(statuses, status):
			wanted = append(wanted, status)
		default:
			q.refuse("?status", "must be one of "+joined(statuses))
		}
	}
	return wanted
}

func joined[T ~string](values []T) string {
	var b strings.Builder
	for i, value := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(value))
	}
	return b.String()
}
