package reconciler

import (
	"time"

	"k8s.io/client-go/util/workqueue"
)

// Backoff returns a rate limiter whose delay doubles with every failure of an item, from
// first to at most longest, and starts anew once the item has succeeded. Items don't slow
// each other down.
func Backoff[T comparable](first, longest time.Duration) workqueue.TypedRateLimiter[T] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[T](first, longest)
}

// The delays of a controller that talks to a container engine or an API, and has nothing
// that is urgent.
const (
	BackoffFirst   = time.Second
	BackoffLongest = time.Minute
)
