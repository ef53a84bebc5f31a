package v1alpha1

import (
	"fmt"
	"net/url"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ContainerLeaseLogOptions are the query parameters of the log subresource of a lease.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type ContainerLeaseLogOptions struct {
	metav1.TypeMeta `json:",inline"`

	// Follow keeps the response open and sends lines as they are written, until the container ends.
	// +optional
	Follow bool `json:"follow,omitempty"`
	// TailLines is how many of the last lines to send. Defaults to all.
	// +optional
	TailLines *int64 `json:"tailLines,omitempty"`
	// SinceSeconds leaves out lines older than so many seconds. Excludes sinceTime.
	// +optional
	SinceSeconds *int64 `json:"sinceSeconds,omitempty"`
	// SinceTime leaves out lines older than this moment, in RFC 3339. Excludes sinceSeconds.
	// +optional
	SinceTime *Timestamp `json:"sinceTime,omitempty"`
	// Timestamps puts the time of each line, in RFC 3339 with nanoseconds, in front of it.
	// +optional
	Timestamps bool `json:"timestamps,omitempty"`
}

// ParseContainerLeaseLogOptions reads query parameters. It fails for a value that
// can't be read; what makes no sense is left to ValidateContainerLeaseLogOptions.
func ParseContainerLeaseLogOptions(query url.Values, out *ContainerLeaseLogOptions) error {
	for _, p := range []struct {
		name string
		read func(string) error
	}{
		{"follow", readBool(&out.Follow)},
		{"tailLines", readInt(&out.TailLines)},
		{"sinceSeconds", readInt(&out.SinceSeconds)},
		{"sinceTime", readTimestamp(&out.SinceTime)},
		{"timestamps", readBool(&out.Timestamps)},
	} {
		if !query.Has(p.name) {
			continue
		}
		if err := p.read(query.Get(p.name)); err != nil {
			return fmt.Errorf("query parameter %s: %q must be %w", p.name, abbreviate(query.Get(p.name)), err)
		}
	}
	return nil
}

func readBool(out *bool) func(string) error {
	return func(s string) error {
		// "?follow" means "?follow=true".
		if s == "" {
			s = "true"
		}
		v, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("true or false")
		}
		*out = v
		return nil
	}
}

func readInt(out **int64) func(string) error {
	return func(s string) error {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("a whole number")
		}
		*out = &v
		return nil
	}
}

func readTimestamp(out **Timestamp) func(string) error {
	return func(s string) error {
		t, err := ParseTimestamp(s)
		if err != nil {
			return fmt.Errorf("a time in RFC 3339 such as 2006-01-02T15:04:05Z")
		}
		*out = &t
		return nil
	}
}
