package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// watched are the actions that change what Observe returns. Others, like the exec events of a
// health check every few seconds, would only wake the caller.
var watched = []events.Action{
	events.ActionCreate, events.ActionStart, events.ActionDie, events.ActionOOM, events.ActionDestroy,
	events.ActionUpdate, events.ActionRename, events.ActionPause, events.ActionUnPause,
}

// Watch hands every event of an owned container to handle until ctx or the stream ends.
func (d *Driver) Watch(ctx context.Context, connected func(), handle func(driver.Event)) error {
	started := time.Now()
	err := d.watch(ctx, connected, handle)
	if ctx.Err() != nil {
		err = nil
	}
	return d.finish("watch", started, err)
}

func (d *Driver) watch(ctx context.Context, connected func(), handle func(driver.Event)) error {
	args := filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("label", driver.LabelUID),
	)
	for _, action := range watched {
		args.Add("event", string(action))
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	overdue := time.AfterFunc(d.opts.Timeout, func() { cancel(context.DeadlineExceeded) })
	stream, err := d.events(ctx, args, nil)
	if !overdue.Stop() && err != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	defer func() { _ = stream.Body.Close() }()
	if connected != nil {
		connected()
	}

	decoder := json.NewDecoder(stream.Body)
	for {
		var message events.Message
		if err := decoder.Decode(&message); err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		if owner, owned := driver.IdentityOf(message.Actor.Attributes); owned {
			handle(driver.Event{Owner: owner, Action: string(message.Action), At: time.Unix(0, message.TimeNano)})
		}
	}
}

// LastExit asks the engine's event history, which holds the last few hundred events since the
// engine started.
func (d *Driver) LastExit(ctx context.Context, containerID string, since time.Time) (*driver.Exit, error) {
	return do(ctx, d, "last_exit", d.opts.Timeout, func(ctx context.Context) (*driver.Exit, error) {
		// The history ends at the engine's now, not ours: with a clock ahead of ours, the
		// exit that just happened would lie in the future.
		info, err := d.engineInfo(ctx)
		if err != nil {
			return nil, err
		}
		return d.lastExit(ctx, containerID, since, info.SystemTime)
	})
}

func (d *Driver) lastExit(ctx context.Context, containerID string, since, until time.Time) (*driver.Exit, error) {
	query := url.Values{"until": {unixNano(until)}}
	if !since.IsZero() {
		if since.After(until) {
			return nil, fmt.Errorf("%w: nothing can have exited after now", driver.ErrNotFound)
		}
		query.Set("since", unixNano(since))
	}
	stream, err := d.events(ctx, filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)),
		filters.Arg("event", string(events.ActionDie)),
		filters.Arg("container", containerID),
	), query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Body.Close() }()

	var last *driver.Exit
	decoder := json.NewDecoder(stream.Body)
	for {
		var message events.Message
		err := decoder.Decode(&message)
		switch {
		case errors.Is(err, io.EOF) && last != nil:
			return last, nil
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%w: the engine remembers no exit of %s", driver.ErrNotFound, containerID)
		case err != nil:
			return nil, fmt.Errorf("reading events: %w", err)
		}
		if message.Actor.ID != containerID {
			continue // the filter matches names too
		}
		exitCode, err := strconv.Atoi(message.Actor.Attributes["exitCode"])
		if err != nil {
			return nil, fmt.Errorf("exit code of an event: %w", err)
		}
		last = &driver.Exit{At: time.Unix(0, message.TimeNano), ExitCode: exitCode}
	}
}

// events opens the engine's stream of events; when it returns, the stream stands.
func (d *Driver) events(ctx context.Context, args filters.Args, query url.Values) (*http.Response, error) {
	if err := d.negotiate(ctx); err != nil {
		return nil, err
	}
	encoded, err := filters.ToJSON(args)
	if err != nil {
		return nil, err
	}
	if query == nil {
		query = url.Values{}
	}
	query.Set("filters", encoded)
	return d.get(ctx, "/events", query)
}

// unixNano writes a time as the engine's API takes it, with nanoseconds.
func unixNano(t time.Time) string {
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}
