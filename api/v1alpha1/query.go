package v1alpha1

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
)

// readQuery reads those parameters that there are, each by its reader. It is always the same of several that fails.
func readQuery(query url.Values, readers map[string]func(string) error) error {
	for _, name := range slices.Sorted(maps.Keys(readers)) {
		if !query.Has(name) {
			continue
		}
		if err := readers[name](query.Get(name)); err != nil {
			return fmt.Errorf("query parameter %s: %q must be %w", name, abbreviate(query.Get(name)), err)
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
