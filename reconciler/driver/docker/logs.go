package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// logBuffer is what is read of a log at once, and bounds a batch of records. A record that is longer is
// read whole.
const logBuffer = 64 << 10

// Logs hands the output of the owner's container to handle. It runs in the caller's goroutine alone.
func (d *Driver) Logs(ctx context.Context, uid string, opts driver.LogOptions, handle func([]driver.LogRecord) error) error {
	started := time.Now()
	err := d.logs(ctx, uid, opts, handle)
	return d.finish("logs", started, endedBy(ctx, err))
}

func (d *Driver) logs(ctx context.Context, uid string, opts driver.LogOptions, handle func([]driver.LogRecord) error) error {
	found, err := d.inspect(ctx, uid)
	if err != nil {
		return err
	}

	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: opts.Follow, Timestamps: true, Tail: "all"}
	if opts.Tail >= 0 {
		options.Tail = strconv.Itoa(opts.Tail)
	}
	if !opts.Since.IsZero() {
		options.Since = opts.Since.UTC().Format(time.RFC3339Nano)
	}

	stream, err := d.open(ctx, func(ctx context.Context) (io.ReadCloser, error) {
		return d.cli.ContainerLogs(ctx, found.ID, options)
	})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()

	next := nextFrame
	if found.Config.Tty {
		next = nextTTYRecord
	}
	var input io.Reader = &pacedReader{ctx: stream.ctx, reader: stream}
	if !opts.Follow {
		// What is kept comes at once.
		input = stream.timed(d.opts.Timeout)
	}
	return stream.cause(readRecords(input, next, handle))
}

// readPace is the least time between two reads of a log that is followed. The engine sends each line by itself: to be
// woken for each costs both sides more than the line does.
const readPace = time.Millisecond

// muchRead is as much as is worth no wait for more.
const muchRead = 16 << 10

// pacedReader lets what comes in a burst gather, and adds nothing to what comes after a pause.
type pacedReader struct {
	ctx    context.Context
	reader io.Reader
	last   time.Time
	much   bool
}

func (r *pacedReader) Read(p []byte) (int, error) {
	if rest := readPace - time.Since(r.last); rest > 0 && !r.much {
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			timer.Stop()
			return 0, r.ctx.Err()
		}
	}
	n, err := r.reader.Read(p)
	r.last, r.much = time.Now(), n >= muchRead
	return n, err
}

// splitter takes the first record off data. Without a whole one it returns 0; atEOF, the
// rest is one.
type splitter func(data []byte, atEOF bool) (advance int, record driver.LogRecord, err error)

// readRecords hands over all whole records that one read brought, so that a busy log costs few calls and a
// quiet one no delay.
func readRecords(r io.Reader, next splitter, handle func([]driver.LogRecord) error) error {
	buffer := make([]byte, 0, logBuffer)
	var records []driver.LogRecord
	for {
		n, readErr := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]

		used := 0
		records = records[:0]
		for used < len(buffer) {
			advance, record, err := next(buffer[used:], errors.Is(readErr, io.EOF))
			if err != nil {
				return err
			}
			if advance == 0 {
				break
			}
			records = append(records, record)
			used += advance
		}
		if len(records) > 0 {
			if err := handle(records); err != nil {
				// The reader's failure, not the engine's, whatever kind of error it is.
				return fmt.Errorf("%w: handling output: %w", errUnclassified, err)
			}
		}
		rest := copy(buffer, buffer[used:])
		buffer = buffer[:rest]
		switch {
		case errors.Is(readErr, io.EOF) && rest > 0:
			return fmt.Errorf("reading output: %w", io.ErrUnexpectedEOF)
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return fmt.Errorf("reading output: %w", readErr)
		case rest == cap(buffer):
			buffer = append(buffer, 0)[:rest] // grows: the record is longer
		}
	}
}
