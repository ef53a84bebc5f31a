package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// IsolatedNetwork is the bridge that all isolated containers share. One for all, and not one
// for each, because an engine's address pools end after about thirty networks, each of which
// also costs a tenth of a second and rules that every packet passes. What separates containers
// on it is the engine's rule that drops packets from the bridge to itself (enable_icc=false).
// A Linux bridge takes 1023 running containers.
const IsolatedNetwork = "containerlease-isolated"

const (
	bridgeDriver = "bridge"
	enableICC    = "com.docker.network.bridge.enable_icc"
)

// checkFor is how long a check of the host or of the network holds. Both change only
// by an administrator's hand.
const checkFor = 30 * time.Second

// check remembers that something held a short while ago. Whoever looks again holds turn, so
// that a crowd of callers makes one look.
type check struct {
	turn   chan struct{}
	passed atomic.Pointer[time.Time]
}

func newCheck() check { return check{turn: make(chan struct{}, 1)} }

// hold calls look unless it succeeded lately.
func (c *check) hold(ctx context.Context, look func(context.Context) error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if passed := c.passed.Load(); passed != nil && time.Since(*passed) < checkFor {
		return nil
	}
	if err := look(ctx); err != nil {
		return err
	}
	now := time.Now()
	c.passed.Store(&now)
	return nil
}

// forget makes the next hold look again.
func (c *check) forget() { c.passed.Store(nil) }

// ensureSeccomp fails with ErrInvalid if the engine runs containers without its seccomp profile.
func (d *Driver) ensureSeccomp(ctx context.Context) error {
	return d.seccomp.hold(ctx, func(ctx context.Context) error {
		info, err := d.engineInfo(ctx)
		if err != nil {
			return fmt.Errorf("checking the engine's host: %w", err)
		}
		return confines(info)
	})
}

func confines(info engineInfo) error {
	if !slices.ContainsFunc(info.SecurityOptions, hasSeccomp) {
		return fmt.Errorf("%w: the engine applies no seccomp profile", driver.ErrInvalid)
	}
	return nil
}

// hasSeccomp reads an option such as "name=seccomp,profile=default".
func hasSeccomp(option string) bool {
	fields := strings.Split(option, ",")
	return slices.Contains(fields, "name=seccomp") && !slices.Contains(fields, "profile=unconfined")
}

// ensureIsolation makes the isolated network if it's missing. It fails with ErrConflict if the one
// of that name doesn't isolate, and with ErrInvalid if the host defeats it: without bridge
// filtering the engine still takes and shows enable_icc=false, and containers reach each
// other all the same.
func (d *Driver) ensureIsolation(ctx context.Context) error {
	return d.isolation.hold(ctx, func(ctx context.Context) error {
		info, err := d.engineInfo(ctx)
		if err != nil {
			return fmt.Errorf("checking the engine's host: %w", err)
		}
		if d.tellsBridgeFiltering() && !info.BridgeNfIptables {
			return fmt.Errorf("%w: the engine's host lets bridged packets past iptables, so containers can't be isolated; "+
				"load br_netfilter and set net.bridge.bridge-nf-call-iptables=1", driver.ErrInvalid)
		}
		return d.ensureIsolatedNetwork(ctx)
	})
}

func (d *Driver) ensureIsolatedNetwork(ctx context.Context) error {
	name := d.isolatedNetwork
	networks, err := d.isolatedNetworks(ctx)
	if err != nil {
		return err
	}
	if len(networks) == 0 {
		if err := d.createIsolatedNetwork(ctx); err != nil {
			return err
		}
		if networks, err = d.isolatedNetworks(ctx); err != nil {
			return err
		}
	}
	if len(networks) == 0 {
		return fmt.Errorf("%w: network %s vanished after it was created", errUnclassified, name)
	}
	for _, n := range networks {
		if err := isolates(n); err != nil {
			return err
		}
	}
	// The engine's check for duplicates isn't atomic. Everybody who lost the race picks the
	// same survivor, and a name that means two networks would stop all starts.
	for _, surplus := range networks[1:] {
		if err := d.cli.NetworkRemove(ctx, surplus.ID); err != nil && !cerrdefs.IsNotFound(err) {
			return fmt.Errorf("removing a duplicate of network %s: %w", name, err)
		}
	}
	return nil
}

// isolatedNetworks returns the networks of our name, oldest first.
func (d *Driver) isolatedNetworks(ctx context.Context) ([]network.Summary, error) {
	listed, err := d.cli.NetworkList(ctx, network.ListOptions{
		// The engine matches any part of a name.
		Filters: filters.NewArgs(filters.Arg("name", d.isolatedNetwork)),
	})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	networks := slices.DeleteFunc(listed, func(n network.Summary) bool { return n.Name != d.isolatedNetwork })
	slices.SortFunc(networks, func(a, b network.Summary) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return networks, nil
}

func (d *Driver) createIsolatedNetwork(ctx context.Context) error {
	ipv6 := false
	_, err := d.cli.NetworkCreate(ctx, d.isolatedNetwork, network.CreateOptions{
		Driver:     bridgeDriver,
		EnableIPv6: &ipv6,
		Options:    map[string]string{enableICC: "false"},
		Labels:     map[string]string{driver.LabelManaged: "true"},
	})
	if err != nil && !cerrdefs.IsConflict(err) {
		return fmt.Errorf("creating network %s: %w", d.isolatedNetwork, err)
	}
	return nil
}

// isolates checks a network of our name. IPv6 must be off: older engines filter IPv4 alone.
func isolates(n network.Summary) error {
	var problem string
	switch {
	case n.Labels[driver.LabelManaged] != "true":
		problem = "isn't labelled " + driver.LabelManaged
	case n.Driver != bridgeDriver:
		problem = "has driver " + n.Driver
	case n.Options[enableICC] != "false":
		problem = "lets containers reach each other"
	case n.EnableIPv6:
		problem = "has IPv6"
	default:
		return nil
	}
	return fmt.Errorf("%w: network %s exists but %s; remove it", driver.ErrConflict, n.Name, problem)
}
