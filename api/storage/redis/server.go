package redis

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// server is what Redis says about itself. What it refuses to say is empty.
type server struct {
	incarnation string // the run ID: another one after each restart
	version     string
	role        string
	eviction    string
	aof         string
	fsync       string
	asked       bool // whether CONFIG GET was allowed
}

// inspect asks the server behind a connection what it is. Managed services may forbid asking; that is no error.
func (s *Store) inspect(ctx context.Context, conn *goredis.Conn) (server, error) {
	info, err := conn.Info(ctx).Result()
	if err != nil {
		if isForbidden(err) {
			return server{}, nil
		}
		return server{}, fmt.Errorf("asking Redis about itself: %w", err)
	}
	fields := parseInfo(info)
	found := server{
		incarnation: fields["run_id"],
		version:     fields["redis_version"],
		role:        fields["role"],
		eviction:    fields["maxmemory_policy"],
		aof:         fields["aof_enabled"],
	}
	if fields["loading"] == "1" {
		return server{}, fmt.Errorf("asking Redis about itself: %w", errLoading)
	}
	settings, err := conn.ConfigGet(ctx, "appendfsync").Result()
	switch {
	case err == nil:
		found.asked = true
		found.fsync = settings["appendfsync"]
	case !isForbidden(err):
		return server{}, fmt.Errorf("asking Redis for its durability: %w", err)
	}
	return found, nil
}

// incarnation asks the server behind a connection for its run ID; empty if it does not tell.
func incarnation(ctx context.Context, conn *goredis.Conn) (string, error) {
	info, err := conn.Info(ctx, "server").Result()
	if err != nil && !isForbidden(err) {
		return "", fmt.Errorf("asking Redis for its run ID: %w", err)
	}
	return parseInfo(info)["run_id"], nil
}

func parseInfo(info string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// check refuses a server that would lose objects by design, and warns about one that may lose them by accident.
func (v server) check(log *slog.Logger) error {
	if v.version != "" && !atLeast(v.version, 6, 2) {
		return &UnsuitableError{fmt.Sprintf("Redis %s is too old: 6.2 or newer is needed", v.version)}
	}
	if v.role != "" && v.role != "master" {
		return &UnsuitableError{fmt.Sprintf("this Redis is a %s: the URL must point to the primary", v.role)}
	}
	if v.eviction != "" && v.eviction != "noeviction" {
		return &UnsuitableError{fmt.Sprintf("Redis is configured to evict keys (maxmemory-policy %s), which would delete objects at random: "+
			"set `maxmemory-policy noeviction` in redis.conf, or run `redis-cli CONFIG SET maxmemory-policy noeviction`", v.eviction)}
	}
	switch {
	case v.version == "":
		log.Warn("Redis does not allow INFO: its eviction policy and durability are unknown; " +
			"make sure of `maxmemory-policy noeviction`, `appendonly yes` and `appendfsync always`")
	case v.aof == "0":
		log.Warn("REDIS IS NOT DURABLE: acknowledged writes are lost when it restarts; " +
			"set `appendonly yes` and `appendfsync always` in redis.conf, or with redis-cli CONFIG SET")
	case !v.asked:
		log.Warn("Redis does not allow CONFIG: whether it syncs every write to disk is unknown; make sure of `appendfsync always`")
	case v.fsync != "always":
		log.Warn("REDIS MAY LOSE ACKNOWLEDGED WRITES when its machine fails; "+
			"set `appendfsync always` in redis.conf, or run `redis-cli CONFIG SET appendfsync always`", "appendfsync", v.fsync)
	}
	return nil
}

// UnsuitableError says that a Redis server must not be used as a store, and what to change.
type UnsuitableError struct {
	reason string
}

func (e *UnsuitableError) Error() string {
	return e.reason
}

// isForbidden reports whether Redis does not let this user run a command, or does not have it.
func isForbidden(err error) bool {
	return goredis.HasErrorPrefix(err, "NOPERM") || goredis.HasErrorPrefix(err, "unknown command") ||
		goredis.HasErrorPrefix(err, "unknown subcommand")
}

func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	x, errX := strconv.Atoi(first)
	y, errY := strconv.Atoi(second)
	return errX == nil && errY == nil && (x > major || (x == major && y >= minor))
}
