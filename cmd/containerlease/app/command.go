// Package app is the containerlease command: it reads the settings and wires the
// parts together. It is the only place where the Redis store, the Docker driver, the
// API server and the controllers meet.
package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/version"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/cmd/containerlease/settings"
)

// Main runs the command line of the process and returns its exit code. The first SIGTERM or
// SIGINT ends it in good order; the second at once.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// Once the first signal has arrived, a second takes its default course.
	context.AfterFunc(ctx, stop)
	if err := NewCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "containerlease:", err)
		return 1
	}
	return 0
}

// NewCommand returns the root command.
func NewCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "containerlease",
		Short: "Temporary containers with hard limits, a deadline and a bill",
		Long: `ContainerLease hands out temporary Docker containers. A lease asks for an image,
a CPU and memory limit and a time; when the time is up, its container is stopped,
billed on its actual runtime and removed.

This is the server. leasectl and kubectl are its clients.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newServeCommand(), newTokenCommand(), newConfigCommand(), newVersionCommand())
	return root
}

func newServeCommand() *cobra.Command {
	s := settings.Default()
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API and drive Docker toward it",
		Long: `Serves the lease API on Redis and drives Docker toward what it says, until SIGTERM
or SIGINT. Containers go on running then, and are picked up at the next start.

Settings come from a configuration file, then the environment, then flags, each
overriding the one before. "containerlease config" prints a documented file.`,
		Example: `  # Everything on this machine, with a Redis of its own
  containerlease serve

  # Next to an existing Redis, with the data elsewhere
  REDIS_URL=redis://127.0.0.1:6379/0 containerlease serve --data-dir /srv/leases

  # Use it
  kubectl --kubeconfig /var/lib/containerlease/kubeconfig get leases`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settings.Load(cmd.Flags(), file, os.LookupEnv); err != nil {
				return err
			}
			if err := s.Validate(); err != nil {
				return err
			}
			return serve(cmd.Context(), s, cmd.OutOrStdout())
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "config", "",
		"Configuration file, in YAML. Empty: the one that "+settings.FileEnv+" names, else "+settings.DefaultFile+" if it exists.")
	s.AddFlags(cmd.Flags())
	return cmd
}

func newConfigCommand() *cobra.Command {
	formats := map[string]func(io.Writer) error{
		"yaml": settings.WriteYAML, "env": settings.WriteEnv, "markdown": settings.WriteMarkdown,
	}
	var format string
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print every setting with its default",
		Example: `  # Start a configuration file
  containerlease config > config.yaml

  # Start an environment file
  containerlease config --format env > .env`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, ok := formats[format]
			if !ok {
				return fmt.Errorf("--format: %q: must be yaml, env or markdown", format)
			}
			return write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&format, "format", "yaml", "yaml (a configuration file), env (an environment file) or markdown (a table)")
	return cmd
}

func newVersionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := version.Get()
			switch output {
			case "":
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "containerlease", info.GitVersion)
				return err
			case "yaml", "json":
				data, err := yaml.Marshal(info)
				if err == nil && output == "json" {
					data, err = yaml.YAMLToJSON(data)
					data = append(data, '\n')
				}
				if err != nil {
					return err
				}
				_, err = cmd.OutOrStdout().Write(data)
				return err
			default:
				return fmt.Errorf("--output: %q: must be json or yaml", output)
			}
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml, with the commit and the Go version")
	return cmd
}
