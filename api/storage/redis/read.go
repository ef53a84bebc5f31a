package redis

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/storage"
)

// get reads a key, nil if there is none, and the revision it was read at.
func (s *Store) get(ctx context.Context, key string) (found *keyValue, head int64, err error) {
	r, err := s.query(ctx, getScript, key)
	if err != nil {
		return nil, 0, err
	}
	if head, err = r.number(1); err != nil {
		return nil, 0, err
	}
	found, err = parseStored(key, r.text(3))
	return found, head, err
}

// eventsAfter reads history after a revision, oldest first, and says up to which revision that is all there is. The
// error is errExpired if history does not reach back that far, or a *futureRevisionError.
func (s *Store) eventsAfter(ctx context.Context, revision int64, limit int) (events []*event, reached int64, err error) {
	r, err := s.query(ctx, eventsScript, revision, limit)
	if err != nil {
		return nil, 0, err
	}
	head, err := r.number(1)
	if err != nil {
		return nil, 0, err
	}
	switch r.status() {
	case "ok":
	case "expired":
		return nil, 0, errExpired
	case "future":
		return nil, 0, &futureRevisionError{head: head}
	default:
		return nil, 0, r.malformed(0)
	}
	entries, err := r.list(3)
	if err != nil {
		return nil, 0, err
	}
	if events, err = parseEntries(entries, s.clock.Now()); err != nil {
		return nil, 0, err
	}
	if len(events) == limit {
		return events, events[limit-1].revision, nil
	}
	return events, head, nil
}

// rangeRead is some of the keys of a range, at the head.
type rangeRead struct {
	items []*keyValue
	count int64 // keys in the whole range
	head  int64
}

// readRange reads up to limit keys of [first, end); a limit of 0 is none.
func (s *Store) readRange(ctx context.Context, first, end string, limit int64) (rangeRead, error) {
	r, err := s.query(ctx, rangeScript, first, end, limit)
	if err != nil {
		return rangeRead{}, err
	}
	var result rangeRead
	if result.head, err = r.number(1); err != nil {
		return rangeRead{}, err
	}
	if result.count, err = r.number(3); err != nil {
		return rangeRead{}, err
	}
	keys, err := r.list(4)
	if err != nil {
		return rangeRead{}, err
	}
	values, err := r.list(5)
	if err != nil {
		return rangeRead{}, err
	}
	if len(keys) != len(values) {
		return rangeRead{}, fmt.Errorf("range reply has %d keys and %d values", len(keys), len(values))
	}
	result.items = make([]*keyValue, 0, len(keys))
	for i := range keys {
		key, _ := keys[i].(string)
		stored, _ := values[i].(string)
		kv, err := parseStored(key, stored)
		if err != nil {
			return rangeRead{}, err
		}
		if kv == nil {
			return rangeRead{}, fmt.Errorf("key %q is in the index but not in the data", key)
		}
		result.items = append(result.items, kv)
	}
	return result, nil
}

// endOfPrefix is the first key after all that start with a prefix.
func endOfPrefix(prefix string) string {
	end := []byte(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return string(end[:i+1])
		}
	}
	return "\xff"
}

// pager reads a range of keys page by page, all as of one revision: that of the first page, unless one was asked for.
type pager struct {
	store    *resourceStore
	prefix   string // of all keys to read; or the only key
	single   bool
	from     string // next key to read
	revision int64  // 0 until the first page was read at the head
	limit    int64  // of the next page; 0 for none
	resumed  bool   // whether the reader continues an earlier list
}

// page is a part of a range.
type page struct {
	items    []*keyValue
	revision int64
	count    int64 // keys in the range from the first of this page on, in all
	more     bool
}

// pages reads all keys that start with key, or key itself if not recursive.
func (s *resourceStore) pages(key string, recursive bool, revision, limit int64) *pager {
	return &pager{store: s, prefix: key, single: !recursive, from: key, revision: revision, limit: limit}
}

func (p *pager) next(ctx context.Context) (page, error) {
	if p.single {
		return p.read(ctx, p.prefix, p.prefix+"\x00")
	}
	if p.store.onPage != nil {
		p.store.onPage(ctx, p.from, p.revision, p.limit)
	}
	return p.read(ctx, p.from, endOfPrefix(p.prefix))
}

func (p *pager) read(ctx context.Context, from, end string) (page, error) {
	var result page
	var err error
	if p.revision == 0 {
		read, err := p.store.store.readRange(ctx, from, end, p.limit)
		if err != nil {
			return page{}, err
		}
		result = page{items: read.items, revision: read.head, count: read.count}
	} else if result, err = p.store.store.snapshot(ctx, from, end, p.limit, p.revision); err != nil {
		return page{}, err
	}
	p.revision = result.revision
	result.more = int64(len(result.items)) < result.count
	if last := len(result.items) - 1; last >= 0 {
		p.from = result.items[last].key + "\x00"
	} else if result.more {
		return page{}, errors.New("the page is empty although more keys remain")
	}
	return result, nil
}

const (
	listExpired     = "The resourceVersion for the provided list is too old."
	continueExpired = "The provided continue parameter is too old to display a consistent list result. " +
		"You can start a new list without the continue parameter."
	continueInconsistent = "The provided continue parameter is too old to display a consistent list result. " +
		"You can start a new list without the continue parameter, or use the continue token in this response to retrieve " +
		"the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that " +
		"were created, modified, or deleted between the time the first chunk was returned and now may show up in the list."
)

// apiError turns an error of next into what a client should see.
func (p *pager) apiError(err error) error {
	var future *futureRevisionError
	switch {
	case errors.As(err, &future):
		return storage.NewTooLargeResourceVersionError(uint64(p.revision), uint64(future.head), 0)
	case !errors.Is(err, errExpired):
		return err
	case !p.resumed:
		return apierrors.NewResourceExpired(listExpired)
	}
	// A negative revision lets the client go on at whatever is current.
	token, err := storage.EncodeContinue(p.from, p.prefix, -1)
	if err != nil {
		return apierrors.NewResourceExpired(continueExpired)
	}
	status := apierrors.NewResourceExpired(continueInconsistent)
	status.ErrStatus.Continue = token
	return status
}
