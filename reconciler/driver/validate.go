package driver

import (
	"errors"
	"fmt"
	"strings"
)

// Validate returns an error that matches ErrInvalid and names every field that no engine
// could honour. Zero limits are among them, because an engine takes zero for "unlimited".
func (s ContainerSpec) Validate() error {
	var problems []error
	add := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	add(s.Owner.Namespace != "" && s.Owner.Name != "", "Owner: namespace and name are required")
	add(ValidUID(s.Owner.UID), "Owner.UID: %q can't be part of a container's name", s.Owner.UID)
	add(s.Image != "", "Image: required")
	add(s.Limits.MilliCPU > 0, "Limits.MilliCPU: %d is no limit", s.Limits.MilliCPU)
	add(s.Limits.MemoryBytes > 0, "Limits.MemoryBytes: %d is no limit", s.Limits.MemoryBytes)
	add(s.PidsLimit > 0, "PidsLimit: %d is no limit", s.PidsLimit)
	add(s.Network == NetworkIsolated || s.Network == NetworkNone, "Network: unknown %q", s.Network)
	add(s.Network != NetworkNone || len(s.Ports) == 0, "Ports: none can be published without a network")
	for _, port := range s.Ports {
		add(port.ContainerPort > 0 && port.ContainerPort <= 65535, "Ports: %d is no port", port.ContainerPort)
		add(port.Protocol == "tcp" || port.Protocol == "udp", "Ports: unknown protocol %q", port.Protocol)
	}
	for _, env := range s.Env {
		add(env.Name != "" && !strings.ContainsAny(env.Name, "=\x00"), "Env: %q can't be a name", env.Name)
		add(!strings.Contains(env.Value, "\x00"), "Env: the value of %q holds a NUL", env.Name)
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: container spec: %w", ErrInvalid, errors.Join(problems...))
}

// ValidUID reports whether a UID can be part of a container's name.
func ValidUID(uid string) bool {
	for _, c := range uid {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return uid != "" && len(uid) <= 128
}
