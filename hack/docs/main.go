// Docs writes what is documented in the code into files: the reference of both commands,
// and the examples of the configuration. It takes the top of the checkout as its only
// argument; the output depends on nothing of the machine it runs on.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	server "github.com/containerlease/containerlease/cmd/containerlease/app"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	client "github.com/containerlease/containerlease/cmd/leasectl/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs TOP-OF-THE-CHECKOUT")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func write(root string) error {
	for _, page := range []struct {
		path   string
		render func(*bytes.Buffer) error
	}{
		{"docs/reference/containerlease.md", renderServer},
		{"docs/reference/leasectl.md", renderClient},
		{"config/config.yaml", func(b *bytes.Buffer) error { return settings.WriteYAML(b) }},
		{"config/.env.example", func(b *bytes.Buffer) error { return settings.WriteEnv(b) }},
	} {
		var content bytes.Buffer
		if err := page.render(&content); err != nil {
			return fmt.Errorf("%s: %w", page.path, err)
		}
		path := filepath.Join(root, page.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func renderServer(b *bytes.Buffer) error {
	root := server.NewCommand()
	fmt.Fprintf(b, "# %s\n\n%s\n\n", root.Name(), generatedNote)
	fmt.Fprintf(b, "%s\n", flush(root.Long))
	for _, command := range root.Commands() {
		// The flags of serve are the settings, whose table follows: with defaults that
		// depend on the user, they would differ from one machine to the next.
		describe(b, command, command.Name() != "serve")
	}
	fmt.Fprint(b, "\n## Settings\n\n")
	fmt.Fprint(b, "Flags override environment variables, which override the file that `--config` names.\n\n")
	return settings.WriteMarkdown(b)
}

// leaseVerbs are the commands that are not kubectl's.
var leaseVerbs = []string{"run", "logs", "extend", "resize", "suspend", "resume", "bill"}

func renderClient(b *bytes.Buffer) error {
	root := client.NewCommand(genericiooptions.NewTestIOStreamsDiscard(), client.Name)
	fmt.Fprintf(b, "# %s\n\n%s\n\n", root.Name(), generatedNote)
	fmt.Fprintf(b, "%s\n\n", flush(root.Long))
	fmt.Fprintf(b, "With the file name `kubectl-lease` on the PATH, the same program is the plugin `%s`.\n", client.PluginName)

	ours := map[string]bool{}
	for _, name := range leaseVerbs {
		command, _, err := root.Find([]string{name})
		if err != nil {
			return err
		}
		ours[name] = true
		describe(b, command, true)
	}
	fmt.Fprintf(b, "\n## kubectl's commands\n\n")
	fmt.Fprintf(b, "These are kubectl's own; `%s COMMAND --help` describes them, and so does the documentation of kubectl.\n\n", root.Name())
	fmt.Fprintf(b, "| command | |\n| --- | --- |\n")
	for _, command := range root.Commands() {
		if command.IsAvailableCommand() && !ours[command.Name()] && command.Name() != "help" {
			fmt.Fprintf(b, "| `%s` | %s |\n", command.Name(), command.Short)
		}
	}
	return nil
}
