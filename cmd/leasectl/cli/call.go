package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/containerlease/containerlease/cmd/leasectl/connect"
)

// The file names under which kubectl calls the program: to run it, and to ask it what
// could come next on the line.
const (
	pluginFile         = "kubectl-lease"
	pluginCompleteFile = "kubectl_complete-lease"
)

// Call is how the program was called.
type Call struct {
	// Name is Name or PluginName.
	Name string
	// Args are the arguments for the command tree.
	Args []string
}

// ParseCall reads a process's arguments, the first of which is the program's file.
func ParseCall(argv []string) Call {
	if len(argv) == 0 {
		return Call{Name: Name}
	}
	switch strings.TrimSuffix(filepath.Base(argv[0]), ".exe") {
	case pluginFile:
		return Call{Name: PluginName, Args: argv[1:]}
	case pluginCompleteFile:
		return Call{Name: PluginName, Args: append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)}
	}
	return Call{Name: Name, Args: argv[1:]}
}

// PreferLocalServer makes the process find the server of this machine unless the user
// names another, see connect.Machine.SearchPath. It goes through the environment because
// that is the one setting which all of kubectl's commands, completion and `config`
// included, agree on.
func PreferLocalServer() error {
	path := connect.ThisMachine().SearchPath()
	if path == "" {
		return nil
	}
	if err := os.Setenv(clientcmd.RecommendedConfigPathEnvVar, path); err != nil {
		return fmt.Errorf("choosing a kubeconfig: %w", err)
	}
	return nil
}
