package cli

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// invocation is "kubectl" where it is called, and not part of a URL, a path, an annotation
// or another word.
var invocation = regexp.MustCompile(`(^|[^\w./_-])kubectl($|[^\w./:_-])`)

// rename puts name for "kubectl" in all that the help of a borrowed command and its
// subcommands says.
func rename(cmd *cobra.Command, name string) {
	cmd.Short, cmd.Long, cmd.Example = renamed(cmd.Short, name), renamed(cmd.Long, name), renamed(cmd.Example, name)
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) { flag.Usage = renamed(flag.Usage, name) })
	for _, sub := range cmd.Commands() {
		rename(sub, name)
	}
}

func renamed(text, name string) string {
	// What a command was told to be called it has written itself.
	text = strings.ReplaceAll(text, PluginName, "kubectl")
	return invocation.ReplaceAllString(text, "${1}"+name+"${2}")
}
