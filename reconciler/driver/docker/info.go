package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/versions"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// engineInfo is what we read of the engine's /info. It is decoded here because the client
// dropped the BridgeNf fields, on which isolation hangs with the engines that have them.
type engineInfo struct {
	Name            string
	ServerVersion   string
	NCPU            int
	MemTotal        int64
	SystemTime      time.Time
	SecurityOptions []string
	// BridgeNfIptables says whether bridged packets pass iptables. Engines that speak
	// API 1.48 or newer load the module when they need it, and stopped telling.
	BridgeNfIptables bool
}

// Info describes the engine.
func (d *Driver) Info(ctx context.Context) (driver.Info, error) {
	return do(ctx, d, "info", d.opts.Timeout, func(ctx context.Context) (driver.Info, error) {
		info, err := d.engineInfo(ctx)
		if err != nil {
			return driver.Info{}, err
		}
		return driver.Info{
			Name:       info.Name,
			Version:    info.ServerVersion,
			APIVersion: d.cli.ClientVersion(),
			CPUs:       info.NCPU,
			Memory:     info.MemTotal,
		}, nil
	})
}

func (d *Driver) engineInfo(ctx context.Context) (engineInfo, error) {
	resp, err := d.get(ctx, "/info", nil)
	if err != nil {
		return engineInfo{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	var info engineInfo
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil {
		return engineInfo{}, err
	}
	d.name.Store(&info.Name)
	return info, nil
}

// engineName is remembered, since /info is the slowest of the light calls. Each look at the host, which
// precedes a creation every now and then, brings it up to date.
func (d *Driver) engineName(ctx context.Context) (string, error) {
	if name := d.name.Load(); name != nil {
		return *name, nil
	}
	info, err := d.engineInfo(ctx)
	if err != nil {
		return "", fmt.Errorf("asking the engine for its name: %w", err)
	}
	return info.Name, nil
}

// tellsBridgeFiltering reports whether the engine's answer about bridge filtering means anything.
func (d *Driver) tellsBridgeFiltering() bool {
	return versions.LessThan(d.cli.ClientVersion(), "1.48")
}
