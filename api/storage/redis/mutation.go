package redis

import (
	"context"
	"fmt"
	"time"
)

// A mutation changes one key, provided it is still at the expected revision.
type mutation struct {
	key      string
	expected int64  // 0: the key must not exist
	value    []byte // nil: delete
	lifetime lifetime
}

// lifetime of a key: the zero value keeps what it has.
type lifetime struct {
	set bool
	ttl time.Duration // 0: for ever
}

func (l lifetime) argument() any {
	if !l.set {
		return ""
	}
	return l.ttl.Milliseconds()
}

// An outcome says what became of a mutation that was decided.
type outcome struct {
	applied  bool
	revision int64     // of the mutation, if applied
	current  *keyValue // what is there instead, if not applied; nil if nothing is
}

// mutate applies a mutation exactly once or not at all. It does not heed the cancellation of ctx: a write whose caller
// has left is carried through, rather than left in doubt, within twice Config.Timeout.
//
// An error means that nothing was changed and nothing will be, except for the 504 of newUnknownOutcome.
func (s *Store) mutate(ctx context.Context, m mutation) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Timeout)
	defer cancel()
	op := "put"
	if m.value == nil {
		op = "delete"
	}
	for {
		where, err := s.fence.enter(ctx)
		if err != nil {
			return outcome{}, asAPIError(err)
		}
		before, token := s.fence.seen.Load(), s.newToken()
		r, err := s.execute(ctx, mutateScript, where, token, m.key, m.expected, op, m.value, m.lifetime.argument())
		switch {
		case err == nil && r.status() == "epoch":
			s.doubt(where, errEpoch)
			continue
		case err == nil:
			return s.decided(m, r)
		case neverSent(err):
			s.doubt(where, err)
			return outcome{}, newUnavailable(err)
		case isConnectionError(err):
			s.doubt(where, err)
			return s.resolve(ctx, where, m, token, before, err)
		case isUnavailable(err):
			// Redis has refused it, perhaps because it is no primary any more.
			s.doubt(where, err)
			return outcome{}, newUnavailable(err)
		default:
			return outcome{}, asAPIError(err)
		}
	}
}

// decided reads the reply of mutate.lua.
func (s *Store) decided(m mutation, r reply) (outcome, error) {
	revision, err := r.number(1)
	if err != nil {
		return outcome{}, asAPIError(err)
	}
	s.fence.observe(revision)
	switch r.status() {
	case "ok":
		return outcome{applied: true, revision: revision}, nil
	case "conflict":
		current, err := parseStored(m.key, r.text(2))
		if err != nil {
			return outcome{}, asAPIError(err)
		}
		return outcome{current: current}, nil
	default:
		return outcome{}, asAPIError(r.malformed(0))
	}
}

// abortMemory is how long Redis remembers that an attempt must not happen: longer than any request can linger in the
// buffers of a dead connection.
const abortMemory = 10 * time.Minute

// resolve finds out what became of an attempt whose reply was lost.
func (s *Store) resolve(ctx context.Context, began standing, m mutation, token string, before int64, lost error) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Timeout)
	defer cancel()
	s.metrics.lostReplies.Inc()
	for {
		where, err := s.fence.await(ctx)
		if err != nil {
			return outcome{}, newUnknownOutcome(lost)
		}
		if where.epoch != began.epoch {
			return outcome{}, newUnknownOutcome(fmt.Errorf("%w, and Redis lost the history since", lost))
		}
		r, err := s.execute(ctx, resolveScript, where, token, before, abortMemory.Milliseconds())
		switch {
		case err == nil && r.status() == "ok":
			return s.decided(m, r)
		case err == nil && r.status() == "never":
			return outcome{}, newUnavailable(lost)
		case err == nil && r.status() == "epoch":
			s.doubt(where, errEpoch)
		case err == nil:
			return outcome{}, newUnknownOutcome(lost)
		case isUnavailable(err):
			s.doubt(where, err)
		default:
			return outcome{}, newUnknownOutcome(err)
		}
		if ctx.Err() != nil {
			return outcome{}, newUnknownOutcome(lost)
		}
	}
}
