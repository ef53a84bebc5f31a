package redis

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"
)

// A script is one atomic operation. Its contract stands at the top of its source.
type script struct {
	name string
	lua  *goredis.Script
	keys func(layout) []string
}

//go:embed scripts/mutate.lua
var mutateSource string

//go:embed scripts/get.lua
var getSource string

//go:embed scripts/range.lua
var rangeSource string

//go:embed scripts/events.lua
var eventsSource string

//go:embed scripts/fence.lua
var fenceSource string

//go:embed scripts/resolve.lua
var resolveSource string

//go:embed scripts/expire.lua
var expireSource string

//go:embed scripts/compact.lua
var compactSource string

//go:embed scripts/stats.lua
var statsSource string

var (
	mutateScript = script{"mutate", goredis.NewScript(mutateSource), func(l layout) []string {
		return []string{l.data, l.index, l.events, l.meta, l.expires, l.aborted}
	}}
	getScript     = script{"get", goredis.NewScript(getSource), func(l layout) []string { return []string{l.data, l.meta} }}
	rangeScript   = script{"range", goredis.NewScript(rangeSource), func(l layout) []string { return []string{l.data, l.index, l.meta} }}
	eventsScript  = script{"events", goredis.NewScript(eventsSource), func(l layout) []string { return []string{l.events, l.meta} }}
	fenceScript   = script{"fence", goredis.NewScript(fenceSource), func(l layout) []string { return []string{l.events, l.meta} }}
	resolveScript = script{"resolve", goredis.NewScript(resolveSource), func(l layout) []string {
		return []string{l.events, l.meta, l.aborted}
	}}
	expireScript = script{"expire", goredis.NewScript(expireSource), func(l layout) []string {
		return []string{l.data, l.index, l.events, l.meta, l.expires}
	}}
	compactScript = script{"compact", goredis.NewScript(compactSource), func(l layout) []string { return []string{l.events, l.meta} }}
	statsScript   = script{"stats", goredis.NewScript(statsSource), func(l layout) []string { return []string{l.data, l.index, l.meta} }}
)

// run executes the script once. EVALSHA falls back to EVAL if Redis does not know the script, which then has not run.
func (s script) run(ctx context.Context, on goredis.Scripter, l layout, args ...any) (reply, error) {
	values, err := s.lua.Run(ctx, on, s.keys(l), args...).Slice()
	if err != nil {
		return reply{}, err
	}
	r := reply{script: s.name, values: values}
	if r.status() == "" {
		return reply{}, r.malformed(0)
	}
	return r, nil
}

// reply is what a script returned: a status, then values that depend on it.
type reply struct {
	script string
	values []any
}

func (r reply) status() string {
	return r.text(0)
}

// text returns the i-th value as a string; a nil reply is empty.
func (r reply) text(i int) string {
	if i < len(r.values) {
		if text, ok := r.values[i].(string); ok {
			return text
		}
	}
	return ""
}

func (r reply) number(i int) (int64, error) {
	if i < len(r.values) {
		switch value := r.values[i].(type) {
		case int64:
			return value, nil
		case string:
			if n, err := strconv.ParseInt(value, 10, 64); err == nil {
				return n, nil
			}
		}
	}
	return 0, r.malformed(i)
}

func (r reply) list(i int) ([]any, error) {
	if i < len(r.values) {
		if list, ok := r.values[i].([]any); ok {
			return list, nil
		}
	}
	return nil, r.malformed(i)
}

func (r reply) malformed(i int) error {
	return fmt.Errorf("script %s: value %d of the reply %q is not what was expected", r.script, i, r.status())
}
