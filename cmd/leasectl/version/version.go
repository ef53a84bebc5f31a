// Package version is `leasectl version`. kubectl's own speaks of its kustomize and judges
// the distance between the minor versions of a cluster's parts, which are not ours.
package version

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/discovery"
	baseversion "k8s.io/component-base/version"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/cmd/leasectl/connect"
)

// Versions is what `leasectl version -o json` prints.
type Versions struct {
	// Client is leasectl's.
	Client apiversion.Info `json:"clientVersion"`
	// Server is that of the server; absent if it was not asked or did not answer.
	Server *apiversion.Info `json:"serverVersion,omitempty"`
}

var formats = []string{"", "json", "yaml"}

// NewCommand returns the command. command is how the user calls leasectl.
func NewCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	var clientOnly bool
	var format string
	cmd := &cobra.Command{
		Use:                   "version [--client] [-o json|yaml]",
		DisableFlagsInUseLine: true,
		Short:                 "Print the versions of client and server",
		Long:                  "Print the versions of client and server.",
		Example: templates.Examples(fmt.Sprintf(`
			# Both
			%[1]s version

			# The client's, without asking a server
			%[1]s version --client`, command)),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(formats, format) {
				return cmdutil.UsageErrorf(cmd, "--output must be json or yaml")
			}
			versions := Versions{Client: client()}
			var unanswered error
			if !clientOnly {
				versions.Server, unanswered = server(getter)
			}
			if err := versions.print(streams.Out, format); err != nil {
				return err
			}
			return unanswered
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "Only the client's; needs no server.")
	cmd.Flags().StringVarP(&format, "output", "o", "", "Output format. One of: (json, yaml).")
	return cmd
}

// client is the version the build was given, or what the toolchain recorded of the source.
func client() apiversion.Info {
	info := baseversion.Get()
	if strings.Contains(info.GitVersion, "$Format") {
		if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
			info.GitVersion = build.Main.Version
		}
	}
	return info
}

func server(getter genericclioptions.RESTClientGetter) (*apiversion.Info, error) {
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	if config.Timeout == 0 {
		config.Timeout = connect.RequestTimeout
	}
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	return discoverer.ServerVersion()
}

func (v Versions) print(out io.Writer, format string) error {
	switch format {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(v)
	case "yaml":
		text, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	}
	text := fmt.Sprintf("Client Version: %s\n", v.Client.GitVersion)
	if v.Server != nil {
		text += fmt.Sprintf("Server Version: %s\n", v.Server.GitVersion)
	}
	_, err := io.WriteString(out, text)
	return err
}
