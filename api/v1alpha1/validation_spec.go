package v1alpha1

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bounds of a lease's parts. Linux refuses a single argument or variable of 128 KiB
// and more; the sums keep one object far below what an API request may hold.
const (
	maxStrings     = 256
	maxStringBytes = 32 << 10
	maxTotalBytes  = 128 << 10
	maxPathBytes   = 4095
	maxPorts       = 64

	maxTerminationGracePeriodSeconds = 300
	maxProvisioningDeadlineSeconds   = 3600
	maxTTLSecondsAfterFinished       = 30 * 24 * 3600
)

// userPattern is "name" or "uid", optionally with ":group" or ":gid".
var userPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?$`)

func validateLeaseSpec(spec *ContainerLeaseSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.Image == "" {
		errs = append(errs, field.Required(path.Child("image"), `name an image of the class's catalog, such as "ubuntu", or a reference it allows`))
	} else if _, err := ParseImageReference(spec.Image); err != nil {
		errs = append(errs, field.Invalid(path.Child("image"), abbreviate(spec.Image), err.Error()))
	}
	if spec.ClassName != "" {
		for _, msg := range apivalidation.NameIsDNSSubdomain(spec.ClassName, false) {
			errs = append(errs, field.Invalid(path.Child("className"), abbreviate(spec.ClassName), msg))
		}
	}
	if spec.TTL != "" {
		errs = append(errs, validateDuration(spec.TTL, path.Child("ttl"))...)
	}
	if spec.Resources.CPU != nil {
		errs = append(errs, validateCPU(*spec.Resources.CPU, path.Child("resources", "cpu"))...)
	}
	if spec.Resources.Memory != nil {
		errs = append(errs, validateMemory(*spec.Resources.Memory, path.Child("resources", "memory"))...)
	}
	errs = append(errs, validateProcess(spec, path)...)
	errs = append(errs, validatePorts(spec.Ports, path.Child("ports"))...)
	errs = append(errs, validateEnum(path.Child("operatingMode"), spec.OperatingMode, operatingModes, optional)...)
	errs = append(errs, validateSeconds(spec.TerminationGracePeriodSeconds, 0, maxTerminationGracePeriodSeconds, path.Child("terminationGracePeriodSeconds"))...)
	errs = append(errs, validateSeconds(spec.ProvisioningDeadlineSeconds, 1, maxProvisioningDeadlineSeconds, path.Child("provisioningDeadlineSeconds"))...)
	return append(errs, validateSeconds(spec.TTLSecondsAfterFinished, 0, maxTTLSecondsAfterFinished, path.Child("ttlSecondsAfterFinished"))...)
}

// validateProcess checks what the container runs: command, arguments, environment,
// directory and user.
func validateProcess(spec *ContainerLeaseSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(spec.Command) > 0 && spec.Command[0] == "" {
		errs = append(errs, field.Required(path.Child("command").Index(0), "name the program to run, or leave command out for the image's own"))
	}
	errs = append(errs, validateStrings(spec.Command, path.Child("command"))...)
	errs = append(errs, validateStrings(spec.Args, path.Child("args"))...)
	errs = append(errs, validateEnv(spec.Env, path.Child("env"))...)
	if dir := spec.WorkingDir; dir != "" {
		switch {
		case !strings.HasPrefix(dir, "/"):
			errs = append(errs, field.Invalid(path.Child("workingDir"), abbreviate(dir), `must be an absolute path such as "/srv"`))
		case len(dir) > maxPathBytes:
			errs = append(errs, field.TooLong(path.Child("workingDir"), "", maxPathBytes))
		case strings.ContainsRune(dir, 0):
			errs = append(errs, field.Invalid(path.Child("workingDir"), abbreviate(dir), "must not contain a NUL byte"))
		}
	}
	if spec.User != "" && !userPattern.MatchString(spec.User) {
		errs = append(errs, field.Invalid(path.Child("user"), abbreviate(spec.User),
			`must be "name", "uid", "name:group" or "uid:gid", such as "nobody" or "1000:1000"`))
	}
	if total := processBytes(spec); total > maxTotalBytes {
		errs = append(errs, field.Invalid(path, fmt.Sprintf("%d bytes", total),
			fmt.Sprintf("command, args and env must have at most %d bytes together", maxTotalBytes)))
	}
	return errs
}

func processBytes(spec *ContainerLeaseSpec) int {
	total := 0
	for _, s := range spec.Command {
		total += len(s)
	}
	for _, s := range spec.Args {
		total += len(s)
	}
	for _, v := range spec.Env {
		total += len(v.Name) + len(v.Value)
	}
	return total
}

func validateStrings(list []string, path *field.Path) field.ErrorList {
	if len(list) > maxStrings {
		return field.ErrorList{field.TooMany(path, len(list), maxStrings)}
	}
	var errs field.ErrorList
	for i, s := range list {
		errs = append(errs, validateString(s, path.Index(i))...)
	}
	return errs
}

func validateString(s string, path *field.Path) field.ErrorList {
	switch {
	case len(s) > maxStringBytes:
		return field.ErrorList{field.TooLong(path, "", maxStringBytes)}
	case strings.ContainsRune(s, 0):
		return field.ErrorList{field.Invalid(path, abbreviate(s), "must not contain a NUL byte")}
	}
	return nil
}

func validateEnv(env []EnvVar, path *field.Path) field.ErrorList {
	if len(env) > maxStrings {
		return field.ErrorList{field.TooMany(path, len(env), maxStrings)}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, v := range env {
		at := path.Index(i)
		if v.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), "name the variable"))
			continue
		}
		for _, msg := range validation.IsEnvVarName(v.Name) {
			errs = append(errs, field.Invalid(at.Child("name"), abbreviate(v.Name), msg))
		}
		if seen[v.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), abbreviate(v.Name)))
		}
		seen[v.Name] = true
		errs = append(errs, validateString(v.Name, at.Child("name"))...)
		errs = append(errs, validateString(v.Value, at.Child("value"))...)
	}
	return errs
}

func validatePorts(ports []ContainerPort, path *field.Path) field.ErrorList {
	if len(ports) > maxPorts {
		return field.ErrorList{field.TooMany(path, len(ports), maxPorts)}
	}
	var errs field.ErrorList
	seen := map[ContainerPort]bool{}
	for i, port := range ports {
		at := path.Index(i)
		if port.ContainerPort < 1 || port.ContainerPort > 65535 {
			errs = append(errs, field.Invalid(at.Child("containerPort"), port.ContainerPort, "must be from 1 to 65535"))
		}
		errs = append(errs, validateEnum(at.Child("protocol"), port.Protocol,
			[]corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP}, required)...)
		if seen[port] {
			errs = append(errs, field.Duplicate(at, fmt.Sprintf("%d/%s", port.ContainerPort, port.Protocol)))
		}
		seen[port] = true
	}
	return errs
}

func validateSeconds(value *int64, least, most int64, path *field.Path) field.ErrorList {
	if value == nil || least <= *value && *value <= most {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *value, fmt.Sprintf("must be from %d to %d seconds", least, most))}
}

// abbreviate keeps a message readable whatever somebody sent.
func abbreviate(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
