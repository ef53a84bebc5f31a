package docker

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"

	"github.com/containerlease/containerlease/reconciler/driver"
)

// verify compares what the engine says it holds with what was asked. Engines drop what the
// host can't do (swap accounting, a pids limit) with a warning and go on; a limit that isn't
// in force is none, so here that is an error, which names the field.
func verify(want request, got container.InspectResponse) error {
	if got.HostConfig == nil || got.Config == nil || got.NetworkSettings == nil {
		return fmt.Errorf("%w: the engine's inspection is incomplete", driver.ErrInvalid)
	}
	for _, field := range compared(want, got) {
		if !reflect.DeepEqual(normal(field.want), normal(field.got)) {
			return fmt.Errorf("%w: engine holds %s %v instead of %v", driver.ErrInvalid, field.name, show(field.got), show(field.want))
		}
	}
	for _, m := range got.Mounts {
		// An image's own volumes are anonymous and go with the container. Anything else would be the host's.
		if m.Type != mount.TypeVolume && m.Type != mount.TypeTmpfs {
			return fmt.Errorf("%w: engine holds a %s mount at %s", driver.ErrInvalid, m.Type, m.Destination)
		}
	}
	return nil
}

type comparedField struct {
	name      string
	want, got any
}

func compared(want request, got container.InspectResponse) []comparedField {
	w, g := want.host, got.HostConfig
	return []comparedField{
		{"NanoCpus", w.NanoCPUs, g.NanoCPUs},
		{"CpuQuota", w.CPUQuota, g.CPUQuota},
		{"Memory", w.Memory, g.Memory},
		{"MemorySwap", w.MemorySwap, g.MemorySwap},
		{"OomKillDisable", false, deref(g.OomKillDisable)},
		{"OomScoreAdj", w.OomScoreAdj, g.OomScoreAdj},
		{"PidsLimit", deref(w.PidsLimit), deref(g.PidsLimit)},
		{"Ulimits", ulimits(w.Ulimits), ulimits(g.Ulimits)},
		{"CgroupParent", w.CgroupParent, g.CgroupParent},

		{"Privileged", w.Privileged, g.Privileged},
		{"CapAdd", capabilitySet(w.CapAdd), capabilitySet(g.CapAdd)},
		{"CapDrop", capabilitySet(w.CapDrop), capabilitySet(g.CapDrop)},
		{"SecurityOpt", w.SecurityOpt, g.SecurityOpt},
		{"GroupAdd", w.GroupAdd, g.GroupAdd},
		{"Sysctls", w.Sysctls, g.Sysctls},
		{"ReadonlyRootfs", w.ReadonlyRootfs, g.ReadonlyRootfs},
		{"Runtime", w.Runtime, runtimeAsked(w.Runtime, g.Runtime)},
		{"Init", deref(w.Init), deref(g.Init)},

		{"Binds", w.Binds, g.Binds},
		{"Mounts", len(w.Mounts), len(g.Mounts)},
		{"VolumesFrom", w.VolumesFrom, g.VolumesFrom},
		{"Tmpfs", w.Tmpfs, g.Tmpfs},
		{"Devices", len(w.Devices), len(g.Devices)},
		{"DeviceRequests", len(w.DeviceRequests), len(g.DeviceRequests)},
		{"DeviceCgroupRules", w.DeviceCgroupRules, g.DeviceCgroupRules},

		{"NetworkMode", string(w.NetworkMode), string(g.NetworkMode)},
		{"Networks", []string{string(w.NetworkMode)}, slices.Collect(maps.Keys(got.NetworkSettings.Networks))},
		{"PortBindings", ports(w.PortBindings), ports(g.PortBindings)},
		{"PublishAllPorts", w.PublishAllPorts, g.PublishAllPorts},
		{"Links", w.Links, g.Links},
		{"ExtraHosts", w.ExtraHosts, g.ExtraHosts},
		{"PidMode", string(w.PidMode), string(g.PidMode)},
		{"IpcMode", string(w.IpcMode), string(g.IpcMode)},
		{"UTSMode", string(w.UTSMode), string(g.UTSMode)},
		{"UsernsMode", string(w.UsernsMode), string(g.UsernsMode)},
		{"CgroupnsMode", string(w.CgroupnsMode), cgroupnsAsked(w.CgroupnsMode, g.CgroupnsMode)},

		{"LogConfig.Type", w.LogConfig.Type, g.LogConfig.Type},
		{"LogConfig.Config", w.LogConfig.Config, g.LogConfig.Config},
		{"RestartPolicy", string(w.RestartPolicy.Name), restartPolicy(g.RestartPolicy)},
		{"AutoRemove", w.AutoRemove, g.AutoRemove},

		{"Image", want.config.Image, got.Config.Image},
		{"User", want.config.User, userAsked(want.config.User, got.Config.User)},
		{"Labels", want.config.Labels, ownLabels(got.Config.Labels)},
	}
}

// runtimeAsked, cgroupnsAsked and userAsked leave out defaults that the engine or the image filled in.
func runtimeAsked(want, got string) string {
	if want == "" {
		return ""
	}
	return got
}

func cgroupnsAsked(want, got container.CgroupnsMode) string {
	if want == "" {
		return ""
	}
	return string(got)
}

func userAsked(want, got string) string {
	if want == "" {
		return ""
	}
	return got
}

func restartPolicy(p container.RestartPolicy) string {
	if p.Name == "" {
		return string(container.RestartPolicyDisabled)
	}
	return string(p.Name)
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func ulimits(limits []*container.Ulimit) []container.Ulimit {
	values := make([]container.Ulimit, 0, len(limits))
	for _, limit := range limits {
		values = append(values, *limit)
	}
	return values
}

// capabilitySet spells and orders capabilities as one, however the engine returns them.
func capabilitySet(caps []string) []string {
	set := make([]string, 0, len(caps))
	for _, c := range caps {
		set = append(set, strings.TrimPrefix(strings.ToUpper(c), "CAP_"))
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// ports flattens a port map, in which engines write an ephemeral host port as "" or "0".
func ports(m nat.PortMap) []string {
	var flat []string
	for port, bindings := range m {
		for _, b := range bindings {
			hostPort := b.HostPort
			if hostPort == "0" {
				hostPort = ""
			}
			flat = append(flat, fmt.Sprintf("%s->%s:%s", port, b.HostIP, hostPort))
		}
	}
	slices.Sort(flat)
	return flat
}

// ownLabels leaves out the labels of the image.
func ownLabels(labels map[string]string) map[string]string {
	id, _ := driver.IdentityOf(labels)
	own := id.Labels()
	if instance, made := labels[driver.LabelInstance]; made {
		own[driver.LabelInstance] = instance
	}
	return own
}

// normal makes nil and empty the same, which JSON does too.
func normal(v any) any {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice, reflect.Map:
		if r.Len() == 0 {
			return nil
		}
	}
	return v
}

func show(v any) string {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%v", v)
}
