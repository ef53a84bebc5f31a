package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// positiveDuration is a duration above zero.
type positiveDuration struct{ target *time.Duration }

func (d *positiveDuration) String() string {
	if d.target == nil {
		return ""
	}
	return d.target.String()
}

func (d *positiveDuration) Type() string { return "duration" }

func (d *positiveDuration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return fmt.Errorf(`must be a duration above zero, such as "90s" or "1m"`)
	}
	*d.target = v
	return nil
}

// positiveInt is a whole number from 1 to max.
type positiveInt struct {
	target *int
	max    int
}

func (i *positiveInt) String() string {
	if i.target == nil {
		return ""
	}
	return strconv.Itoa(*i.target)
}

func (i *positiveInt) Type() string { return "int" }

func (i *positiveInt) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 || v > i.max {
		return fmt.Errorf("must be a whole number from 1 to %d", i.max)
	}
	*i.target = v
	return nil
}

// choice is one of a few words.
type choice struct {
	target  *string
	allowed []string
}

func (c *choice) String() string {
	if c.target == nil {
		return ""
	}
	return *c.target
}

func (c *choice) Type() string { return "string" }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	*c.target = s
	return nil
}
