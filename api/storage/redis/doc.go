// Package redis keeps Kubernetes API objects in Redis: it implements k8s.io/apiserver's storage.Interface, so that a
// server assembled from that library needs no etcd. It knows nothing about the objects it stores.
//
// # A tour
//
// [Open] connects a process to one Redis primary and returns a [Store]. [Store.RESTOptionsGetter] hands the API server
// what it needs to serve a resource from it, with or without the upstream watch cache. Behind it:
//
//	storage.go update.go delete.go list.go   storage.Interface for one resource
//	read.go snapshot.go state.go             what they read, also as it was at an older revision
//	mutation.go                              one script a mutation, and what to do when its reply is lost
//	watcher.go watch_queue.go watch_event.go one watch: initial state, then history, then live events
//	hub.go hub_watches.go history.go         the one stream reader of the process and its fan-out
//	fence.go                                 is this still the Redis we left?
//	expiry.go compaction.go                  lifetimes and the end of history
//	scripts/*.lua                            everything that must be atomic
//	local/                                   a redis-server of our own, supervised
//
// # Layout
//
// All keys share one hash tag (default {containerlease}), so they live in one slot:
//
//	{containerlease}:data      hash    key → "<revision> <JSON>"
//	{containerlease}:index     zset    every key at score 0: prefix scans in key order
//	{containerlease}:events    stream  history; an entry's ID is <revision>-0
//	{containerlease}:meta      hash    revision (the counter), compacted, epoch, incarnation
//	{containerlease}:expires   zset    keys with a lifetime, scored by deadline in milliseconds
//	{containerlease}:aborted   zset    attempts that were promised never to happen
//
// A stream entry has the fields k (key), v (new value; none for a deletion), p ("<revision> <JSON>" before; none for
// a creation), x (deadline, if any) and t (the attempt that made it). Entries with only j or f mark where the
// counter jumped: j leaves a gap in an intact history, f starts a new one.
//
// # Contract
//
// A mutation is one script and one round trip: it compares the key's revision, takes the next global revision, writes
// value and index and appends to the stream. Refused and no-op writes take no revision. Revisions never run backwards
// and never name two different states, even if Redis loses data; see fence.go.
//
// If Redis cannot be reached, calls fail with 503 and a Retry-After; a deadline that passes is a 504; neither is ever a
// 500. A mutation whose reply is lost is resolved before the caller hears of it: it is found in the history by its
// token, or it is made impossible. Only if Redis stays away for the whole of [Config.Timeout], or lost the history
// in question, does the caller get a 504 that says the outcome is unknown.
//
// A watch delivers each event after its start exactly once and in order, or ends with 410 (Expired). A slow watch is
// bounded: beyond [Config.QueueEntries] undelivered events it reads history from Redis at its own pace, and is closed
// if it stops reading for [Config.SlowWatcherTimeout] or history moves past it. When Redis goes away, watches stay open
// and continue without a gap once it is back; if it comes back without something we have seen, all of them end
// with 410.
//
// Lists at an older revision are snapshots: the present state with later events undone. That costs as much as there
// are events to undo, so beyond a bound it is refused with 410, as compacted revisions are.
//
// A key written with a lifetime is deleted when it is over, with a revision and an event like any other deletion. Redis
// EXPIRE is not used, since it makes neither.
//
// # Conformance
//
// The tests run Kubernetes' own storage suite, k8s.io/apiserver/pkg/storage/testing, against a real redis-server, both
// directly and through the watch cache. TestSuiteIsComplete fails if a function of the suite is neither called nor
// listed here:
//
//   - Through the watch cache only: RunTestOptionalWatchBookmarksWithCorrectResourceVersion, since bookmarks to
//     clients are made by the watch cache. Upstream does not run it against etcd either.
//   - Directly only, and upstream runs none of these through its cache either: RunTestWatchError,
//     RunWatchErrorIsBlockingFurtherEvents, RunTestWatchWithUnsafeDelete, RunTestTransformationFailure,
//     RunTestGetListWithErrorAggregation and RunTestGetListWithoutErrorAggregation make stored objects unreadable
//     behind the store's back and want to see it fail, whereas a cache has read them before and does not;
//     RunTestListInconsistentContinuation wants a limited list at "any" revision to be paged, and the cache returns it
//     whole; RunOptionalTestProgressNotify wants the bookmarks that the cache itself consumes.
//   - Benchmarks (RunBenchmark…) assert nothing; BenchmarkCreate measures what matters here.
package redis
