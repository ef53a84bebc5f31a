package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// classify makes err match the error of the driver package that fits it, if one does. An
// engine's conflict is not among them: it is as often "not now" as "taken", so the one
// operation that can tell, creating, does.
func classify(err error) error {
	switch {
	case err == nil, classified(err):
		return err
	case errors.Is(err, context.Canceled):
		return err
	case unavailable(err):
		return fmt.Errorf("%w: %w", driver.ErrUnavailable, err)
	case cerrdefs.IsNotFound(err):
		return fmt.Errorf("%w: %w", driver.ErrNotFound, err)
	case cerrdefs.IsInvalidArgument(err):
		return fmt.Errorf("%w: %w", driver.ErrInvalid, err)
	}
	return err
}

func classified(err error) bool {
	for _, known := range []error{
		driver.ErrNotFound, driver.ErrConflict, driver.ErrInvalid, driver.ErrDenied, driver.ErrUnavailable, errUnclassified,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// errUnclassified marks an engine's error whose kind would mislead: the engine's "not
// found" is about something other than what the caller asked for.
var errUnclassified = errors.New("engine error")

// unavailable reports whether the engine didn't answer, or not to the end.
func unavailable(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) ||
		client.IsErrConnectionFailed(err) ||
		cerrdefs.IsUnavailable(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &netErr)
}
