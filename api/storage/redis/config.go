package redis

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"k8s.io/utils/clock"
)

// Defaults of [Config].
const (
	DefaultPrefix             = "{containerlease}"
	DefaultTimeout            = 3 * time.Second
	DefaultHistoryEntries     = 20_000
	DefaultHistoryAge         = 10 * time.Minute
	DefaultCompactionInterval = time.Minute
	DefaultRingEntries        = 2048
	DefaultQueueEntries       = 1000
	DefaultSlowWatcherTimeout = 30 * time.Second
	DefaultProgressInterval   = 10 * time.Second
	DefaultMaxUndo            = 10_000
)

// Config says which Redis to use and how. Only URL is required.
type Config struct {
	// URL of the Redis primary: redis://, rediss:// (TLS) or unix://, as go-redis parses it.
	URL string

	// Prefix of all keys. It must contain a hash tag, so that scripts may touch all of them.
	Prefix string

	// Timeout bounds each call to Redis, and also how long an unknown outcome is investigated.
	Timeout time.Duration

	// InitialRevision is where the counter of a new store starts. Zero means the wall clock in milliseconds, which
	// keeps revisions from running backwards even for a process that starts after Redis lost everything. Anything
	// else is for tests that count revisions.
	InitialRevision int64

	// HistoryEntries and HistoryAge bound the history kept in Redis; whichever is reached first. A watch or
	// a paged list that falls behind it is told to start over (410). It is trimmed every CompactionInterval.
	HistoryEntries     int
	HistoryAge         time.Duration
	CompactionInterval time.Duration

	// RingEntries is how many of the latest events this process keeps in memory for watches to start from.
	RingEntries int

	// QueueEntries is how many events may wait for one watch before it has to read history from Redis instead.
	QueueEntries int

	// SlowWatcherTimeout is how long a watch that has fallen behind may read nothing before it is closed.
	SlowWatcherTimeout time.Duration

	// ProgressInterval is how often watch caches learn how far the store is when nothing of theirs changes.
	ProgressInterval time.Duration

	// MaxUndo bounds the events undone for a list at an older revision.
	MaxUndo int

	// Clock is the time source of this process. Lifetimes are measured by Redis' clock.
	Clock clock.WithTicker

	// Logger receives what an operator should know.
	Logger *slog.Logger

	// Registerer receives the store's metrics; nil means none are registered.
	Registerer prometheus.Registerer
}

var hashTag = regexp.MustCompile(`\{[^{}]+\}`)

// complete fills in defaults and rejects what cannot work.
func (c Config) complete() (Config, error) {
	if c.URL == "" {
		return c, errors.New("no Redis URL configured")
	}
	if c.InitialRevision < 0 {
		return c, fmt.Errorf("initial revision %d is negative", c.InitialRevision)
	}
	setDefault(&c.Prefix, DefaultPrefix)
	if !hashTag.MatchString(c.Prefix) {
		return c, fmt.Errorf("key prefix %q contains no {hash tag}: scripts need all keys in one slot", c.Prefix)
	}
	setDefault(&c.Timeout, DefaultTimeout)
	setDefault(&c.HistoryEntries, DefaultHistoryEntries)
	setDefault(&c.HistoryAge, DefaultHistoryAge)
	setDefault(&c.CompactionInterval, DefaultCompactionInterval)
	setDefault(&c.RingEntries, DefaultRingEntries)
	setDefault(&c.QueueEntries, DefaultQueueEntries)
	setDefault(&c.SlowWatcherTimeout, DefaultSlowWatcherTimeout)
	setDefault(&c.ProgressInterval, DefaultProgressInterval)
	setDefault(&c.MaxUndo, DefaultMaxUndo)
	if c.Clock == nil {
		c.Clock = clock.RealClock{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

func setDefault[T comparable](value *T, to T) {
	var zero T
	if *value == zero {
		*value = to
	}
}

// clientOptions turns the URL into options for go-redis that suit a store: nothing is retried behind our back.
func (c Config) clientOptions() (*goredis.Options, error) {
	options, err := goredis.ParseURL(c.URL)
	if err != nil {
		// The parser's error may quote the URL, and with it a password.
		return nil, errors.New("the Redis URL is malformed: expected redis://, rediss:// or unix://")
	}
	options.Protocol = 2
	// A script retried after a lost reply is not idempotent; see mutation.go.
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.DialTimeout = c.Timeout
	options.ReadTimeout = c.Timeout
	options.WriteTimeout = c.Timeout
	options.PoolTimeout = c.Timeout
	options.ContextTimeoutEnabled = true
	options.PoolSize = poolSize
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return options, nil
}

// poolSize is the number of connections to Redis: about as many requests as are worth having in one event loop
// iteration, which share one fsync.
const poolSize = 64
