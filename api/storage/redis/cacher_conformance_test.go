package redis

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apiserver/pkg/features"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
)

// This file runs the suite through the upstream watch cache.

func TestCachedCreate(t *testing.T) {
	t.Run("Create", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestCreate(ctx, t, c, uncheckedKey)
	})
	t.Run("TTL", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestCreateWithTTL(ctx, t, c)
	})
	t.Run("KeyExist", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestCreateWithKeyExist(ctx, t, c)
	})
}

func TestCachedGet(t *testing.T) {
	ctx, c := openCached(t, cachedOptions{})
	storagetesting.RunTestGet(ctx, t, c)
}

func TestCachedKeySchema(t *testing.T) {
	ctx, c := openCached(t, cachedOptions{})
	storagetesting.RunTestKeySchema(ctx, t, c)
}

func TestCachedDelete(t *testing.T) {
	t.Run("Unconditional", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestUnconditionalDelete(ctx, t, c)
	})
	t.Run("Conditional", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestConditionalDelete(ctx, t, c)
	})
	t.Run("Suggestion", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDeleteWithSuggestion(ctx, t, c)
	})
	t.Run("SuggestionAndConflict", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDeleteWithSuggestionAndConflict(ctx, t, c)
	})
	t.Run("SuggestionOfDeletedObject", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDeleteWithSuggestionOfDeletedObject(ctx, t, c)
	})
	t.Run("ValidationWithSuggestion", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestValidateDeletionWithSuggestion(ctx, t, c)
	})
	t.Run("ValidationWithOnlySuggestionValid", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestValidateDeletionWithOnlySuggestionValid(ctx, t, c)
	})
	t.Run("Conflict", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDeleteWithConflict(ctx, t, c)
	})
	t.Run("PreconditionWithSuggestion", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestPreconditionalDeleteWithSuggestion(ctx, t, c)
	})
	t.Run("PreconditionWithOnlySuggestionPass", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestPreconditionalDeleteWithOnlySuggestionPass(ctx, t, c)
	})
}

func TestCachedDeleteOfCorruptObjects(t *testing.T) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.AllowUnsafeMalformedObjectDeletion, true)
	t.Run("ConflictAndDecodable", func(t *testing.T) {
		transformer := &failingTransformer{Transformer: storagetesting.NewPrefixTransformer([]byte(testValuePrefix), false)}
		ctx, c := openCached(t, cachedOptions{pods: podsOptions{transformer: transformer}})
		storagetesting.RunTestDeleteWithConflictAndMissingExpectedTransformOrDecodeError(ctx, t, c, transformer.setFailing)
	})
	t.Run("NotTransformable", func(t *testing.T) {
		transformer := &failingTransformer{Transformer: storagetesting.NewPrefixTransformer([]byte(testValuePrefix), false)}
		ctx, c := openCached(t, cachedOptions{pods: podsOptions{transformer: transformer}})
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(ctx, t, c, transformer.setFailing)
	})
	t.Run("NotDecodable", func(t *testing.T) {
		codec := &failingCodec{Codec: podCodec()}
		ctx, c := openCached(t, cachedOptions{pods: podsOptions{codec: codec}})
		storagetesting.RunTestDeleteExpectedTransformOrDecodeError(ctx, t, c, codec.setFailing)
	})
	t.Run("SuggestionAndDecodable", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDeleteWithSuggestionAndMissingExpectedTransformOrDecodeError(ctx, t, c)
	})
}

func TestCachedGuaranteedUpdate(t *testing.T) {
	t.Run("All", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestGuaranteedUpdate(ctx, t, c, uncheckedKey)
	})
	t.Run("ChecksStoredData", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestGuaranteedUpdateChecksStoredData(ctx, t, c)
	})
	t.Run("TTL", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestGuaranteedUpdateWithTTL(ctx, t, c)
	})
	t.Run("Conflict", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestGuaranteedUpdateWithConflict(ctx, t, c)
	})
	t.Run("SuggestionAndConflict", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict(ctx, t, c)
	})
}

func TestCachedList(t *testing.T) {
	for _, fromSnapshot := range []bool{true, false} {
		t.Run(fmt.Sprintf("FromCacheSnapshot=%v", fromSnapshot), func(t *testing.T) {
			featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.ListFromCacheSnapshot, fromSnapshot)
			t.Run("All", func(t *testing.T) {
				ctx, c := openCached(t, cachedOptions{})
				compact := c.compactTo
				if !fromSnapshot {
					compact = compactTo(c.raw.store)
				}
				storagetesting.RunTestList(ctx, t, c, compact, true, c.recorder)
			})
			t.Run("Consistent", func(t *testing.T) {
				ctx, c := openCached(t, cachedOptions{})
				storagetesting.RunTestConsistentList(ctx, t, c, increaseRevision(c.raw.store), true, true, fromSnapshot)
			})
			t.Run("NonRecursive", func(t *testing.T) {
				ctx, c := openCached(t, cachedOptions{})
				storagetesting.RunTestGetListNonRecursive(ctx, t, increaseRevision(c.raw.store), c)
			})
		})
	}
	t.Run("RecursivePrefix", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestGetListRecursivePrefix(ctx, t, c)
	})
	t.Run("NamespaceScoped", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{indexed: true})
		storagetesting.RunTestNamespaceScopedList(ctx, t, c)
	})
	t.Run("Paging", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestListPaging(ctx, t, c)
	})
	t.Run("Continuation", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestListContinuation(ctx, t, c, uncheckedReads)
	})
	t.Run("ContinuationWithFilter", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestListContinuationWithFilter(ctx, t, c, uncheckedReads)
	})
	t.Run("PaginationRareObject", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestListPaginationRareObject(ctx, t, c, uncheckedReads)
	})
	t.Run("ResourceVersionMatch", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestListResourceVersionMatch(ctx, t, c)
	})
	t.Run("CompactRevision", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestCompactRevision(ctx, t, c, increaseRevision(c.raw.store), c.compactTo)
	})
}

func TestCachedStats(t *testing.T) {
	for _, sized := range []bool{true, false} {
		t.Run(fmt.Sprintf("Sized=%v", sized), func(t *testing.T) {
			featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.SizeBasedListCostEstimate, sized)
			ctx, c := openCached(t, cachedOptions{})
			storagetesting.RunTestStats(ctx, t, c, c.raw.codec.serializer, c.raw.transformer, sized)
		})
	}
}

func TestCachedWatch(t *testing.T) {
	t.Run("Watch", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatch(ctx, t, c)
	})
	t.Run("ClusterScoped", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{clusterScoped: true, indexed: true})
		storagetesting.RunTestClusterScopedWatch(ctx, t, c)
	})
	t.Run("NamespaceScoped", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{indexed: true})
		storagetesting.RunTestNamespaceScopedWatch(ctx, t, c)
	})
	t.Run("DeleteTrigger", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDeleteTriggerWatch(ctx, t, c)
	})
	t.Run("FromZero", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatchFromZero(ctx, t, c, c.restartAfterCompaction)
	})
	t.Run("FromNonZero", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatchFromNonZero(ctx, t, c)
	})
	t.Run("DelayedDelivery", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestDelayedWatchDelivery(ctx, t, c)
	})
	t.Run("WatcherTimeout", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatcherTimeout(ctx, t, c)
	})
	t.Run("ContextCancel", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatchContextCancel(ctx, t, c)
	})
	t.Run("DeleteEventObjectHaveLatestRV", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatchDeleteEventObjectHaveLatestRV(ctx, t, c)
	})
	t.Run("InitializationSignal", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatchInitializationSignal(ctx, t, c)
	})
	t.Run("DispatchBookmarkEvents", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestWatchDispatchBookmarkEvents(ctx, t, c, true)
	})
	t.Run("BookmarksWithCorrectResourceVersion", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunTestOptionalWatchBookmarksWithCorrectResourceVersion(ctx, t, c)
	})
	t.Run("SendInitialEventsBackwardCompatibility", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunSendInitialEventsBackwardCompatibility(ctx, t, c)
	})
	t.Run("Semantics", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunWatchSemantics(ctx, t, creationSeen{c})
	})
	t.Run("SemanticInitialEventsExtended", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunWatchSemanticInitialEventsExtended(ctx, t, creationSeen{c})
	})
	t.Run("ListMatchSingle", func(t *testing.T) {
		ctx, c := openCached(t, cachedOptions{})
		storagetesting.RunWatchListMatchSingle(ctx, t, creationSeen{c})
	})
}

// uncheckedKey and uncheckedReads leave to the direct tests what only the store itself decides.
func uncheckedKey(context.Context, *testing.T, string) {}
func uncheckedReads(*testing.T, uint64, uint64)        {}
