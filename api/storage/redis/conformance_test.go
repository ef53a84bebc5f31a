package redis

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/features"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	"k8s.io/apiserver/pkg/storage/value"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
)

// This file runs the suite directly against the store. Each test has a store of its own, counting from revision 1.

func TestCreate(t *testing.T) {
	ctx, p := openPods(t, podsOptions{})
	storagetesting.RunTestCreate(ctx, t, p, checkStored(p))
}

func TestCreateWithTTL(t *testing.T) {
	ctx, p := openPods(t, podsOptions{})
	storagetesting.RunTestCreateWithTTL(ctx, t, p)
}

func TestCreateWithKeyExist(t *testing.T) {
	ctx, p := openPods(t, podsOptions{})
	storagetesting.RunTestCreateWithKeyExist(ctx, t, p)
}

func TestGet(t *testing.T) {
	ctx, p := openPods(t, podsOptions{})
	storagetesting.RunTestGet(ctx, t, p)
}

func TestKeySchema(t *testing.T) {
	ctx, p := openPods(t, podsOptions{})
	storagetesting.RunTestKeySchema(ctx, t, p)
}

func TestDelete(t *testing.T) {
	t.Run("Unconditional", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestUnconditionalDelete(ctx, t, p)
	})
	t.Run("Conditional", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestConditionalDelete(ctx, t, p)
	})
	t.Run("Suggestion", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDeleteWithSuggestion(ctx, t, p)
	})
	t.Run("SuggestionAndConflict", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDeleteWithSuggestionAndConflict(ctx, t, p)
	})
	t.Run("SuggestionOfDeletedObject", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDeleteWithSuggestionOfDeletedObject(ctx, t, p)
	})
	t.Run("ValidationWithSuggestion", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestValidateDeletionWithSuggestion(ctx, t, p)
	})
	t.Run("ValidationWithOnlySuggestionValid", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestValidateDeletionWithOnlySuggestionValid(ctx, t, p)
	})
	t.Run("Conflict", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDeleteWithConflict(ctx, t, p)
	})
	t.Run("PreconditionWithSuggestion", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestPreconditionalDeleteWithSuggestion(ctx, t, p)
	})
	t.Run("PreconditionWithOnlySuggestionPass", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestPreconditionalDeleteWithOnlySuggestionPass(ctx, t, p)
	})
}

func TestDeleteOfCorruptObjects(t *testing.T) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, true)
	t.Run("ConflictAndDecodable", func(t *testing.T) {
		codec := &failingCodec{Codec: podCodec()}
		ctx, p := openPods(t, podsOptions{codec: codec})
		storagetesting.RunTestDeleteWithConflictAndMissingExpectedTransformOrDecodeError(ctx, t, p, codec.setFailing)
	})
	t.Run("NotTransformable", func(t *testing.T) {
		transformer := &failingTransformer{Transformer: storagetesting.NewPrefixTransformer([]byte(testValuePrefix), false)}
		ctx, p := openPods(t, podsOptions{transformer: transformer})
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(ctx, t, p, transformer.setFailing)
	})
	t.Run("NotDecodable", func(t *testing.T) {
		codec := &failingCodec{Codec: podCodec()}
		ctx, p := openPods(t, podsOptions{codec: codec})
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(ctx, t, p, codec.setFailing)
	})
	t.Run("SuggestionAndDecodable", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDeleteWithSuggestionAndMissingExpectedTransformOrDecodeError(ctx, t, p)
	})
}

func TestGuaranteedUpdate(t *testing.T) {
	t.Run("All", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGuaranteedUpdate(ctx, t, p, checkStored(p))
	})
	t.Run("TTL", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGuaranteedUpdateWithTTL(ctx, t, p)
	})
	t.Run("ChecksStoredData", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGuaranteedUpdateChecksStoredData(ctx, t, p)
	})
	t.Run("Conflict", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGuaranteedUpdateWithConflict(ctx, t, p)
	})
	t.Run("SuggestionAndConflict", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict(ctx, t, p)
	})
	t.Run("TransformationFailure", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestTransformationFailure(ctx, t, p)
	})
}

func TestList(t *testing.T) {
	t.Run("All", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestList(ctx, t, p, compactTo(p.store), false, nil)
	})
	t.Run("Consistent", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestConsistentList(ctx, t, p, increaseRevision(p.store), false, true, false)
	})
	t.Run("NonRecursive", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGetListNonRecursive(ctx, t, increaseRevision(p.store), p)
	})
	t.Run("RecursivePrefix", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGetListRecursivePrefix(ctx, t, p)
	})
	t.Run("NamespaceScoped", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestNamespaceScopedList(ctx, t, p)
	})
	t.Run("Paging", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestListPaging(ctx, t, p)
	})
	t.Run("Continuation", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestListContinuation(ctx, t, p, checkReads(p))
	})
	t.Run("ContinuationWithFilter", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestListContinuationWithFilter(ctx, t, p, checkReads(p))
	})
	t.Run("PaginationRareObject", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestListPaginationRareObject(ctx, t, p, checkReads(p))
	})
	t.Run("InconsistentContinuation", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestListInconsistentContinuation(ctx, t, p, compactTo(p.store))
	})
	t.Run("ResourceVersionMatch", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestListResourceVersionMatch(ctx, t, p)
	})
	t.Run("ErrorAggregation", func(t *testing.T) {
		featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, true)
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGetListWithErrorAggregation(ctx, t, p, errBitsFlipped)
	})
	t.Run("NoErrorAggregation", func(t *testing.T) {
		featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, false)
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestGetListWithoutErrorAggregation(ctx, t, p, errBitsFlipped)
	})
	t.Run("CompactRevision", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestCompactRevision(ctx, t, p, increaseRevision(p.store), compactTo(p.store))
	})
}

func TestStats(t *testing.T) {
	for _, sized := range []bool{true, false} {
		t.Run(fmt.Sprintf("Sized=%v", sized), func(t *testing.T) {
			ctx, p := openPods(t, podsOptions{})
			if sized {
				if err := p.EnableResourceSizeEstimation(func(context.Context) ([]string, error) { return nil, nil }); err != nil {
					t.Fatal(err)
				}
			}
			storagetesting.RunTestStats(ctx, t, p, p.codec.serializer, p.transformer, sized)
		})
	}
}

func TestWatch(t *testing.T) {
	t.Run("Watch", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatch(ctx, t, p)
	})
	t.Run("ClusterScoped", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestClusterScopedWatch(ctx, t, p)
	})
	t.Run("NamespaceScoped", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestNamespaceScopedWatch(ctx, t, p)
	})
	t.Run("DeleteTrigger", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDeleteTriggerWatch(ctx, t, p)
	})
	t.Run("FromZero", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchFromZero(ctx, t, p, compactTo(p.store))
	})
	t.Run("FromNonZero", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchFromNonZero(ctx, t, p)
	})
	t.Run("DelayedDelivery", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestDelayedWatchDelivery(ctx, t, p)
	})
	t.Run("Error", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchError(ctx, t, p)
	})
	t.Run("ErrorIsBlockingFurtherEvents", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunWatchErrorIsBlockingFurtherEvents(ctx, t, p)
	})
	t.Run("UnsafeDelete", func(t *testing.T) {
		featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, true)
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchWithUnsafeDelete(ctx, t, p, errBitsFlipped)
	})
	t.Run("ContextCancel", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchContextCancel(ctx, t, p)
	})
	t.Run("WatcherTimeout", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatcherTimeout(ctx, t, p)
	})
	t.Run("DeleteEventObjectHaveLatestRV", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchDeleteEventObjectHaveLatestRV(ctx, t, p)
	})
	t.Run("InitializationSignal", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchInitializationSignal(ctx, t, p)
	})
	t.Run("ProgressNotify", func(t *testing.T) {
		config := testConfig()
		config.ProgressInterval = time.Second
		p := newPods(t, openStore(t, config), podsOptions{})
		storagetesting.RunOptionalTestProgressNotify(t.Context(), t, p, increaseRevision(p.store))
	})
	t.Run("DispatchBookmarkEvents", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunTestWatchDispatchBookmarkEvents(ctx, t, p, false)
	})
	t.Run("SendInitialEventsBackwardCompatibility", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunSendInitialEventsBackwardCompatibility(ctx, t, p)
	})
	t.Run("Semantics", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunWatchSemantics(ctx, t, p)
	})
	t.Run("SemanticInitialEventsExtended", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunWatchSemanticInitialEventsExtended(ctx, t, p)
	})
	t.Run("ListMatchSingle", func(t *testing.T) {
		ctx, p := openPods(t, podsOptions{})
		storagetesting.RunWatchListMatchSingle(ctx, t, p)
	})
}

// checkReads checks how much a list reads: every object once, in pages that double.
func checkReads(p *pods) storagetesting.CallsValidation {
	var pages atomic.Uint64
	p.onPage = func(context.Context, string, int64, int64) { pages.Add(1) }
	return func(t *testing.T, pageSize, objects uint64) {
		t.Helper()
		if reads := p.transformer.get().(*storagetesting.PrefixTransformer).GetReadsAndReset(); reads != objects {
			t.Errorf("%d objects were read, want %d", reads, objects)
		}
		want := uint64(1)
		if pageSize != 0 {
			for limit, sum := pageSize, uint64(1); sum < objects; want++ {
				limit = min(2*limit, maxPage)
				sum += limit
			}
		}
		if got := pages.Swap(0); got != want {
			t.Errorf("%d pages were read, want %d", got, want)
		}
	}
}

// errBitsFlipped is what the store itself would make of an unreadable object.
var errBitsFlipped = &corruptObjectError{cause: errors.New("bits flipped"), what: "data from the storage is not transformable"}

// failingCodec fails to decode on demand.
type failingCodec struct {
	runtime.Codec
	failing atomic.Bool
}

func (c *failingCodec) setFailing(failing bool) { c.failing.Store(failing) }

func (c *failingCodec) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	if c.failing.Load() {
		return nil, nil, errors.New("synthetic error")
	}
	return c.Codec.Decode(data, defaults, into)
}

// failingTransformer fails to read on demand.
type failingTransformer struct {
	value.Transformer
	failing atomic.Bool
}

func (f *failingTransformer) setFailing(failing bool) { f.failing.Store(failing) }

func (f *failingTransformer) TransformFromStorage(ctx context.Context, data []byte, dataCtx value.Context) ([]byte, bool, error) {
	if f.failing.Load() {
		return nil, false, errors.New("synthetic error")
	}
	return f.Transformer.TransformFromStorage(ctx, data, dataCtx)
}
