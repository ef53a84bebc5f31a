package rest

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// callPatience bounds each call of the API. A watch is bounded by who watches.
const callPatience = 10 * time.Second

// bounded is a client whose calls have a deadline.
type bounded struct{ client.WithWatch }

// Get implements client.Reader.
func (b bounded) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	return b.WithWatch.Get(ctx, key, obj, opts...)
}

// List implements client.Reader.
func (b bounded) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	return b.WithWatch.List(ctx, list, opts...)
}

// Create implements client.Writer.
func (b bounded) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	return b.WithWatch.Create(ctx, obj, opts...)
}

// Patch implements client.Writer.
func (b bounded) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	return b.WithWatch.Patch(ctx, obj, patch, opts...)
}

// Delete implements client.Writer.
func (b bounded) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	return b.WithWatch.Delete(ctx, obj, opts...)
}
