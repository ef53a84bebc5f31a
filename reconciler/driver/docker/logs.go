package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// Logs copies the output of the owner's container until its end. If ctx ends first, its
// error is returned. It runs in the caller's goroutine alone.
func (d *Driver) Logs(ctx context.Context, uid string, opts driver.LogOptions, stdout, stderr io.Writer) error {
	started := time.Now()
	err := d.logs(ctx, uid, opts, stdout, stderr)
	if ctx.Err() != nil && err != nil && !errors.Is(err, ctx.Err()) {
		err = ctx.Err() // how a cut connection shows depends on where it was cut
	}
	return d.finish("logs", started, err)
}

func (d *Driver) logs(ctx context.Context, uid string, opts driver.LogOptions, stdout, stderr io.Writer) error {
	found, err := do(ctx, d, "observe", d.opts.Timeout, func(ctx context.Context) (container.InspectResponse, error) {
		return d.find(ctx, uid)
	})
	if err != nil {
		return err
	}

	options := container.LogsOptions{
		ShowStdout: true,
		ShowStderr: true,
		Follow:     opts.Follow,
		Timestamps: opts.Timestamps,
		Tail:       "all",
	}
	if opts.Tail >= 0 {
		options.Tail = strconv.Itoa(opts.Tail)
	}
	if !opts.Since.IsZero() {
		options.Since = opts.Since.UTC().Format(time.RFC3339Nano)
	}

	// The stream lasts as long as it lasts, but its beginning has a deadline.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	overdue := time.AfterFunc(d.opts.Timeout, func() { cancel(context.DeadlineExceeded) })
	stream, err := d.cli.ContainerLogs(ctx, found.ID, options)
	if !overdue.Stop() && err != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()

	out, errOut := &sink{w: stdout}, &sink{w: stderr}
	if found.Config.Tty {
		_, err = io.Copy(out, stream)
	} else {
		_, err = stdcopy.StdCopy(out, errOut, stream)
	}
	if writeErr := errors.Join(out.err, errOut.err); writeErr != nil {
		// The reader's failure, not the engine's, whatever kind of error it is.
		return fmt.Errorf("%w: writing output: %w", errUnclassified, writeErr)
	}
	return err
}

// sink remembers the failure of a writer.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}
