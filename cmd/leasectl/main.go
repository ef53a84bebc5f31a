// Command leasectl is the client of containerlease. On the PATH as kubectl-lease it works
// as `kubectl lease`.
package main

import (
	"os"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	componentcli "k8s.io/component-base/cli"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/containerlease/containerlease/cmd/leasectl/cli"
)

func main() {
	call := cli.ParseCall(os.Args)
	cmdutil.CheckErr(cli.PreferLocalServer())

	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	command := cli.NewCommand(streams, call.Name)
	command.SetArgs(call.Args)
	cmdutil.CheckErr(componentcli.RunNoErrOutput(command))
}
