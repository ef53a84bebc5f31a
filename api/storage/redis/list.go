package redis

import (
	"context"
	"fmt"
	"reflect"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/features"
	"k8s.io/apiserver/pkg/storage"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
)

// maxPage is up to where the pages of a selective list grow.
const maxPage = 10_000

// GetList implements storage.Interface.
func (s *resourceStore) GetList(ctx context.Context, key string, opts storage.ListOptions, listObj runtime.Object) error {
	prefix, err := s.prepareKey(key, opts.Recursive)
	if err != nil {
		return err
	}
	itemsPtr, err := meta.GetItemsPtr(listObj)
	if err != nil {
		return err
	}
	items, err := conversion.EnforcePtr(itemsPtr)
	if err != nil || items.Kind() != reflect.Slice {
		return fmt.Errorf("need a pointer to a slice: %w", err)
	}
	revision, continueKey, err := storage.ValidateListOptions(prefix, s.codec.versioner, opts)
	if err != nil {
		return err
	}

	list := &listing{
		store:   s,
		opts:    opts,
		items:   items,
		newItem: newItemFunc(listObj, items),
		failed:  unreadable{tolerant: utilfeature.DefaultFeatureGate.Enabled(features.AllowUnsafeMalformedObjectDeletion)},
	}
	pages := s.pages(prefix, opts.Recursive, revision, opts.Predicate.Limit)
	if continueKey != "" {
		pages.from = continueKey
	}
	pages.resumed = opts.Predicate.Continue != ""
	if err := list.fill(ctx, pages, revision == 0); err != nil {
		return err
	}

	if err := list.failed.err(s.resource); err != nil {
		return err
	}
	continueValue, remaining, err := storage.PrepareContinueToken(list.lastKey, prefix, list.revision, list.count, list.more, opts)
	if err != nil {
		return err
	}
	if items.IsNil() {
		// Clients are promised a list, not null.
		items.Set(reflect.MakeSlice(items.Type(), 0, 0))
	}
	if err := s.codec.versioner.UpdateList(listObj, uint64(list.revision), continueValue, remaining); err != nil {
		return err
	}
	if utilfeature.DefaultFeatureGate.Enabled(features.ShardedListAndWatch) {
		opts.Predicate.SetShardInfoOnList(listObj)
	}
	return nil
}

// listing is a list under way.
type listing struct {
	store   *resourceStore
	opts    storage.ListOptions
	items   reflect.Value
	newItem func() runtime.Object
	failed  unreadable

	revision int64
	count    int64 // keys from the last page on
	lastKey  string
	more     bool // whether there is something after lastKey
}

// fill reads pages until the list is as long as it may be, or complete.
func (l *listing) fill(ctx context.Context, pages *pager, current bool) error {
	limit := l.opts.Predicate.Limit
	for {
		page, err := pages.next(ctx)
		if err != nil {
			return pages.apiError(err)
		}
		if current {
			if err := l.store.checkNotOlderThan(l.opts.ResourceVersion, page.revision); err != nil {
				return err
			}
			current = false
		}
		l.revision, l.count = page.revision, page.count
		full, err := l.add(ctx, page.items)
		if err != nil {
			return err
		}
		l.more = page.more || full
		if full || !page.more || (limit > 0 && int64(l.items.Len()) >= limit) {
			return nil
		}
		// A selector let only some through: grow, to need few round trips even if hardly any match.
		pages.limit = min(2*pages.limit, maxPage)
	}
}

// add appends what matches, and reports whether the limit left something over.
func (l *listing) add(ctx context.Context, found []*keyValue) (full bool, err error) {
	limit := l.opts.Predicate.Limit
	if l.opts.Predicate.Empty() {
		l.items.Grow(len(found))
	}
	for _, kv := range found {
		if limit > 0 && int64(l.items.Len()) >= limit {
			return true, nil
		}
		l.lastKey = kv.key
		if ctx.Err() != nil {
			return false, apierrors.NewTimeoutError("the list did not complete in time", retryAfterSeconds)
		}
		obj, err := l.decode(ctx, kv)
		if err != nil {
			if l.failed.add(kv.key, err) {
				return false, l.failed.err(l.store.resource)
			}
			continue
		}
		if matched, err := l.opts.Predicate.Matches(obj); err == nil && matched {
			l.items.Set(reflect.Append(l.items, reflect.ValueOf(obj).Elem()))
		}
	}
	return false, nil
}

func (l *listing) decode(ctx context.Context, kv *keyValue) (runtime.Object, error) {
	data, _, err := l.store.codec.open(ctx, kv)
	if err != nil {
		return nil, storage.NewInternalError(fmt.Errorf("unable to transform key %q: %w", kv.key, err))
	}
	return l.store.codec.decodeItem(data, l.newItem(), kv.revision)
}

// newItemFunc makes empty items for a list.
func newItemFunc(listObj runtime.Object, items reflect.Value) func() runtime.Object {
	if list, ok := listObj.(*unstructured.UnstructuredList); ok {
		if apiVersion := list.GetAPIVersion(); apiVersion != "" {
			return func() runtime.Object {
				return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion}}
			}
		}
	}
	element := items.Type().Elem()
	return func() runtime.Object { return reflect.New(element).Interface().(runtime.Object) }
}
