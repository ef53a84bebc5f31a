package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

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

// mistakes are what engines say of a spec that doesn't fit its image. They report it like a
// breakdown of their own (500), so there is only the message. Here and in deniedByRegistry are the
// only places that read one.
var mistakes = []string{
	"unable to find user", "unable to find group", // spec.User is not in the image
	"Cannot mkdir", "not a directory", // spec.WorkingDir is a file
}

// refused makes an engine's refusal of a container ErrInvalid if it will be the same the next time.
func refused(err error) error {
	if err == nil || unavailable(err) || !cerrdefs.IsInternal(err) {
		return err
	}
	for _, mistake := range mistakes {
		if strings.Contains(err.Error(), mistake) {
			return fmt.Errorf("%w: %w", driver.ErrInvalid, err)
		}
	}
	return err
}

// unavailable reports whether the engine didn't answer, or not to the end.
func unavailable(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) ||
		client.IsErrConnectionFailed(err) ||
		cerrdefs.IsUnavailable(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &netErr)
}
