package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/containerd/errdefs/pkg/errhttp"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// PullImage fetches an image, anonymously.
func (d *Driver) PullImage(ctx context.Context, ref string, progress func(driver.PullProgress)) (*driver.Image, error) {
	started := time.Now()
	err := d.pull(ctx, ref, progress)
	var pulled *driver.Image
	if err == nil {
		d.digests.clear()
		pulled, err = d.ImageExists(ctx, ref)
	}
	return pulled, d.finish("pull", started, err)
}

func (d *Driver) pull(ctx context.Context, ref string, progress func(driver.PullProgress)) error {
	if _, err := reference.ParseNormalizedNamed(ref); err != nil {
		return fmt.Errorf("%w: image %q: %w", driver.ErrInvalid, ref, err)
	}
	if _, err := do(ctx, d, "negotiate", d.opts.Timeout, func(context.Context) (struct{}, error) { return struct{}{}, nil }); err != nil {
		return err
	}

	idle, stopIdling := context.WithCancelCause(ctx)
	defer stopIdling(nil)
	silence := time.AfterFunc(d.opts.PullIdleTimeout, func() { stopIdling(errSilent) })
	defer silence.Stop()

	err := d.followPull(idle, ref, func(p driver.PullProgress) {
		silence.Reset(d.opts.PullIdleTimeout)
		if progress != nil {
			progress(p)
		}
	})
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(idle), errSilent) {
		return d.whoIsSilent(ctx, ref)
	}
	return pullError(err)
}

// errSilent is why a pull was given up of which nothing was heard.
var errSilent = errors.New("no progress")

// whoIsSilent tells a registry that doesn't answer from an engine that doesn't.
func (d *Driver) whoIsSilent(ctx context.Context, ref string) error {
	if _, err := d.Info(ctx); err != nil {
		return err
	}
	return fmt.Errorf("%w: pulling %s: %w for %v", errUnclassified, ref, errSilent, d.opts.PullIdleTimeout)
}

// followPull reads the stream of a pull to its end, where its outcome is.
func (d *Driver) followPull(ctx context.Context, ref string, heard func(driver.PullProgress)) error {
	stream, err := d.cli.ImagePull(ctx, ref, image.PullOptions{})
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }()

	layers := newLayers()
	decoder := json.NewDecoder(stream)
	for {
		var message jsonmessage.JSONMessage
		err := decoder.Decode(&message)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading progress: %w", err)
		case message.Error != nil:
			// The answer was 200 long ago; what the engine found out since is in the stream.
			if kind := errhttp.ToNative(message.Error.Code); message.Error.Code >= 400 && kind != nil {
				return fmt.Errorf("%w: %w", kind, message.Error)
			}
			return fmt.Errorf("%w: %w", errUnclassified, message.Error)
		}
		layers.heard(message)
		heard(layers.progress())
	}
}

// pullError classifies the failure of a pull.
func pullError(err error) error {
	switch {
	case err == nil:
		return nil
	case cerrdefs.IsUnauthorized(err), cerrdefs.IsPermissionDenied(err), deniedByRegistry(err):
		return fmt.Errorf("%w: %w", driver.ErrDenied, err)
	}
	return err
}

// deniedByRegistry finds a refusal that the engine reports as something else: engines up to 28
// answer 404 when a registry says "denied", and 500 when it says "unauthorized", and keep
// the difference for the message alone.
func deniedByRegistry(err error) bool {
	message := err.Error()
	return strings.Contains(message, "pull access denied for ") ||
		strings.Contains(message, "unauthorized: ") ||
		strings.Contains(message, "denied: ")
}
