package redis

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"

	"k8s.io/apiserver/pkg/apis/example"

	"github.com/containerlease/containerlease/api/storage/redis/local"
)

// BenchmarkCreate measures a durable write: Redis syncs each to disk before acknowledging it.
func BenchmarkCreate(b *testing.B) {
	server, err := local.Start(b.Context(), local.Options{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := server.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("Writers=%d", writers), func(b *testing.B) {
			config := testConfig()
			config.URL = server.URL()
			p := newPods(b, openStore(b, config), podsOptions{})
			var next atomic.Int64
			work := make(chan struct{}, writers)
			b.ResetTimer()
			for range b.N {
				work <- struct{}{}
				go func() {
					defer func() { <-work }()
					name := strconv.FormatInt(next.Add(1), 10)
					if err := p.Create(context.Background(), podKey(name), pod(name), &example.Pod{}, 0); err != nil {
						b.Error(err)
					}
				}()
			}
			for range writers {
				work <- struct{}{}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}
