package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"
)

// alias is a well-known environment variable that also sets a flag.
type alias struct {
	env, flag, usage, example string
	// value turns the variable's text into the flag's, given the flag's present value.
	value func(text, present string) (string, error)
}

var aliases = []alias{
	{"REDIS_URL", "redis-url", "same as CONTAINERLEASE_REDIS_URL", "redis://127.0.0.1:6379/0", verbatim},
	{"DOCKER_HOST", "docker-host", "same as CONTAINERLEASE_DOCKER_HOST", "unix:///run/docker.sock", verbatim},
	{"CLEANUP_INTERVAL_MINUTES", "cleanup-interval", "cleanup-interval in whole minutes", "1", minutes},
	{"SERVER_PORT", "address", "port of address, which keeps its host", "8080", port},
}

func verbatim(text, _ string) (string, error) { return text, nil }

func minutes(text, _ string) (string, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 24*60 {
		return "", errors.New("must be a whole number of minutes from 1 to 1440")
	}
	return fmt.Sprintf("%dm", n), nil
}

func port(text, present string) (string, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return "", errors.New("must be a port from 1 to 65535")
	}
	host, _, err := net.SplitHostPort(present)
	if err != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, text), nil
}

// DefaultFile is read if it exists and no other file is named.
const DefaultFile = "/etc/containerlease/config.yaml"

// FileEnv is the environment variable that names the configuration file.
const FileEnv = "CONTAINERLEASE_CONFIG"

// Load gives every flag of settings the command line did not set its value from the
// environment, else from file. An empty file means the one that FileEnv names,
// else DefaultFile if there is one. The error names the source, the key and the value.
func Load(flags *pflag.FlagSet, file string, lookupEnv func(string) (string, bool)) error {
	own := definedFlags()
	given := map[string]bool{}
	for _, name := range own {
		given[name] = flags.Lookup(name).Changed
	}
	if err := loadFile(flags, file, lookupEnv, own, given); err != nil {
		return err
	}
	return loadEnv(flags, lookupEnv, own, given)
}

func loadFile(flags *pflag.FlagSet, file string, lookupEnv func(string) (string, bool), own []string, given map[string]bool) error {
	optional := false
	if file == "" {
		file, _ = lookupEnv(FileEnv)
	}
	if file == "" {
		file, optional = DefaultFile, true
	}
	data, err := os.ReadFile(file)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading configuration file: %w", err)
	}
	values := map[string]any{}
	if err := yaml.UnmarshalStrict(data, &values); err != nil {
		return fmt.Errorf("configuration file %s: %w", file, err)
	}
	known := map[string]string{}
	for _, name := range own {
		known[Key(name)] = name
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		name, ok := known[key]
		switch {
		case !ok:
			problems = append(problems, fmt.Errorf("configuration file %s: unknown key %q; known are %s", file, key, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		case value == nil || given[name]:
		default:
			if err := replace(flags, name, text(value)); err != nil {
				problems = append(problems, fmt.Errorf("configuration file %s: %s: %w", file, key, err))
			}
		}
	}
	return errors.Join(problems...)
}

func loadEnv(flags *pflag.FlagSet, lookupEnv func(string) (string, bool), own []string, given map[string]bool) error {
	var problems []error
	set := func(variable, name, raw string, convert func(text, present string) (string, error)) {
		value, err := convert(raw, flags.Lookup(name).Value.String())
		if err == nil {
			err = replace(flags, name, value)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("environment variable %s=%q: %w", variable, raw, err))
		}
	}
	for _, a := range aliases {
		if raw, ok := lookupEnv(a.env); ok && raw != "" && !given[a.flag] {
			set(a.env, a.flag, raw, a.value)
		}
	}
	for _, name := range own {
		if raw, ok := lookupEnv(Env(name)); ok && raw != "" && !given[name] {
			set(Env(name), name, raw, verbatim)
		}
	}
	return errors.Join(problems...)
}

// replace sets a flag, whatever set it before: a list would otherwise add to what it has.
func replace(flags *pflag.FlagSet, name, value string) error {
	if list, ok := flags.Lookup(name).Value.(pflag.SliceValue); ok {
		if err := list.Replace(nil); err != nil {
			return err
		}
	}
	return flags.Set(name, value)
}

// Key is the key in the configuration file of a flag: data-dir is dataDir.
func Key(flag string) string {
	words := strings.Split(flag, "-")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// Env is the environment variable of a flag: data-dir is CONTAINERLEASE_DATA_DIR.
func Env(flag string) string {
	return "CONTAINERLEASE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// definedFlags are the names of the flags that AddFlags defines, in its order.
func definedFlags() []string {
	var names []string
	for _, f := range define(Default()) {
		names = append(names, f.Name)
	}
	return names
}

// define returns the flags of s in the order of AddFlags.
func define(s Settings) []*pflag.Flag {
	fs := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	fs.SortFlags = false
	s.AddFlags(fs)
	var flags []*pflag.Flag
	fs.VisitAll(func(f *pflag.Flag) { flags = append(flags, f) })
	return flags
}

// text writes a YAML scalar, or a list of them, as a flag's parser takes it.
func text(value any) string {
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	items := make([]string, len(list))
	for i, item := range list {
		items[i] = fmt.Sprint(item)
	}
	return strings.Join(items, ",")
}
