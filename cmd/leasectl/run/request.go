package run

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// request is what the command line asks for.
type request struct {
	image   string
	command []string

	name, class, ttl, cpu, memory string
	env, ports                    []string
	labels                        map[string]string
	user, workingDir              string
	tty, args                     bool
}

func (r *request) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&r.name, "name", "", "Name of the lease. By default the server makes one from the image's.")
	flags.StringVar(&r.class, "class", "", "Lease class, which says what is allowed and what it costs. By default the class marked as default.")
	flags.StringVar(&r.ttl, "ttl", "", "How long the container may run, such as 30m or 1h30m. By default what the class says.")
	flags.StringVar(&r.cpu, "cpu", "", "Hard limit of CPU cores, such as 500m or 2. By default what the class says.")
	flags.StringVar(&r.memory, "memory", "", "Hard limit of memory, such as 512Mi. By default what the class says.")
	flags.StringArrayVarP(&r.env, "env", "e", nil, "Environment variable NAME=VALUE, or NAME to take the value from here. Can be repeated.")
	flags.StringArrayVarP(&r.ports, "port", "p", nil, "Port of the container to publish, such as 8080 or 53/udp. Can be repeated.")
	flags.StringToStringVarP(&r.labels, "labels", "l", nil, "Labels of the lease, such as team=web,purpose=demo.")
	flags.StringVarP(&r.user, "run-as", "u", "", "User the command runs as, such as 1000:1000. By default the image's.")
	flags.StringVarP(&r.workingDir, "workdir", "w", "", "Absolute path the command starts in. By default the image's.")
	flags.BoolVarP(&r.tty, "tty", "t", false, "Allocate a terminal for the command and keep its standard input open.")
	flags.BoolVar(&r.args, "args", false, "Give what follows -- to the image's entrypoint as arguments, instead of replacing it.")
}

// lease is the object that asks for what the command line asks for. It checks the
// notation only: what is allowed is the server's to say.
func (r *request) lease(namespace string, lookupEnv func(string) (string, bool)) (*v1alpha1.ContainerLease, error) {
	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: r.name, Labels: r.labels},
		Spec: v1alpha1.ContainerLeaseSpec{
			Image:      r.image,
			ClassName:  r.class,
			TTL:        v1alpha1.Duration(r.ttl),
			WorkingDir: r.workingDir,
			User:       r.user,
			TTY:        r.tty,
		},
	}
	if r.name == "" {
		lease.GenerateName = generateName(r.image)
	}
	if r.ttl != "" {
		if _, err := lease.Spec.TTL.Parse(); err != nil {
			return nil, fmt.Errorf("--ttl %q: %w", r.ttl, err)
		}
	}
	if len(r.command) > 0 {
		if r.args {
			lease.Spec.Args = r.command
		} else {
			lease.Spec.Command = r.command
		}
	}
	var err error
	if lease.Spec.Resources.CPU, err = quantity("--cpu", r.cpu); err != nil {
		return nil, err
	}
	if lease.Spec.Resources.Memory, err = quantity("--memory", r.memory); err != nil {
		return nil, err
	}
	if lease.Spec.Env, err = environment(r.env, lookupEnv); err != nil {
		return nil, err
	}
	lease.Spec.Ports, err = containerPorts(r.ports)
	return lease, err
}

func quantity(flag, value string) (*resource.Quantity, error) {
	if value == "" {
		return nil, nil
	}
	parsed, err := resource.ParseQuantity(value)
	if err != nil {
		return nil, fmt.Errorf("%s %q: must be a quantity such as 500m, 2 or 512Mi", flag, value)
	}
	return &parsed, nil
}

// environment reads NAME=VALUE and NAME; of two with the same name, the last counts.
func environment(settings []string, lookup func(string) (string, bool)) ([]v1alpha1.EnvVar, error) {
	var variables []v1alpha1.EnvVar
	index := map[string]int{}
	for _, setting := range settings {
		name, value, given := strings.Cut(setting, "=")
		if name == "" {
			return nil, fmt.Errorf("--env %q: expected NAME=VALUE or NAME", setting)
		}
		if !given {
			var set bool
			if value, set = lookup(name); !set {
				return nil, fmt.Errorf("--env %s: no such variable here: give it a value with %[1]s=VALUE", name)
			}
		}
		variable := v1alpha1.EnvVar{Name: name, Value: value}
		if i, again := index[name]; again {
			variables[i] = variable
			continue
		}
		index[name] = len(variables)
		variables = append(variables, variable)
	}
	return variables, nil
}

func containerPorts(settings []string) ([]v1alpha1.ContainerPort, error) {
	var ports []v1alpha1.ContainerPort
	for _, setting := range settings {
		number, protocol, given := strings.Cut(setting, "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("--port %q: expected a port such as 8080 or 53/udp; the engine picks the host's port", setting)
		}
		published := v1alpha1.ContainerPort{ContainerPort: int32(port), Protocol: corev1.ProtocolTCP}
		if given {
			published.Protocol = corev1.Protocol(strings.ToUpper(protocol))
		}
		if published.Protocol != corev1.ProtocolTCP && published.Protocol != corev1.ProtocolUDP {
			return nil, fmt.Errorf("--port %q: the protocol must be tcp or udp", setting)
		}
		ports = append(ports, published)
	}
	return ports, nil
}

// maxNameBase leaves room for the suffix of a generated name in the 63 bytes of a label.
const maxNameBase = 50

// generateName makes the base of a name from an image: the last path segment without tag
// and digest, in the letters that names may have. Its last byte is "-".
func generateName(image string) string {
	base, _, _ := strings.Cut(image, "@")
	base = base[strings.LastIndex(base, "/")+1:]
	base, _, _ = strings.Cut(base, ":")
	base = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, base)
	base = base[:min(len(base), maxNameBase)]
	base = strings.Trim(base, "-")
	if base == "" {
		base = "lease"
	}
	return base + "-"
}
