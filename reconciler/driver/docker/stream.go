package docker

import (
	"context"
	"errors"
	"io"
	"time"
)

// stream is an answer of the engine that lasts as long as it lasts.
type stream struct {
	io.ReadCloser
	// ctx ends with the stream.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	overdue *time.Timer
}

// open begins a stream. Its beginning has a deadline.
func (d *Driver) open(ctx context.Context, begin func(context.Context) (io.ReadCloser, error)) (*stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &stream{ctx: ctx, cancel: cancel}
	s.overdue = time.AfterFunc(d.opts.Timeout, func() { cancel(context.DeadlineExceeded) })
	var err error
	if s.ReadCloser, err = begin(ctx); err != nil {
		if !s.overdue.Stop() {
			err = context.Cause(ctx)
		}
		cancel(nil)
		return nil, err
	}
	s.overdue.Stop()
	return s, nil
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.overdue.Stop()
	err := s.ReadCloser.Close()
	s.cancel(nil)
	return err
}

// timed gives every read of the stream a deadline.
func (s *stream) timed(patience time.Duration) io.Reader {
	return &timedReader{reader: s, overdue: s.overdue, patience: patience}
}

// cause is err, or what is behind it: a deadline that passed.
func (s *stream) cause(err error) error {
	if cause := context.Cause(s.ctx); err != nil && errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

// timedReader is a reader whose every read has a deadline. overdue runs while a read does, and not
// while what was read is handled, which may take its time.
type timedReader struct {
	reader   io.Reader
	overdue  *time.Timer
	patience time.Duration
}

func (r *timedReader) Read(p []byte) (int, error) {
	r.overdue.Reset(r.patience)
	defer r.overdue.Stop()
	return r.reader.Read(p)
}

// endedBy is the error of a stream whose caller may have ended it: how a cut connection shows depends on
// where it was cut.
func endedBy(ctx context.Context, err error) error {
	if ctx.Err() != nil && err != nil && !errors.Is(err, ctx.Err()) {
		return ctx.Err()
	}
	return err
}
