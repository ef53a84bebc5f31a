package redis

// layout names the store's keys in Redis; doc.go describes them.
type layout struct {
	data, index, events, meta, expires, aborted string
}

func newLayout(prefix string) layout {
	return layout{
		data:    prefix + ":data",
		index:   prefix + ":index",
		events:  prefix + ":events",
		meta:    prefix + ":meta",
		expires: prefix + ":expires",
		aborted: prefix + ":aborted",
	}
}
