package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const generatedNote = "<!-- Written by `make generate` from the commands' own help. -->"

// flagColumns is where the usage of a flag is wrapped.
const flagColumns = 96

// describe writes a section about a command, and one about each of its own.
func describe(b *bytes.Buffer, command *cobra.Command, withFlags bool) {
	if !command.IsAvailableCommand() || command.Name() == "help" {
		return
	}
	text := command.Long
	if text == "" {
		text = command.Short + "."
	}
	_, name, _ := strings.Cut(command.CommandPath(), " ")
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", name, flush(text))
	fmt.Fprintf(b, "```\n%s\n```\n", command.UseLine())
	if command.HasExample() {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", outdent(command.Example))
	}
	if flags := command.LocalNonPersistentFlags(); withFlags && flags.HasAvailableFlags() {
		fmt.Fprintf(b, "\n```\n%s\n```\n", outdent(flags.FlagUsagesWrapped(flagColumns)))
	}
	for _, sub := range command.Commands() {
		describe(b, sub, withFlags)
	}
}

// outdent takes the indentation that all lines share, and empty lines around, off a text.
func outdent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	shared := -1
	for _, line := range lines {
		if trimmed := strings.TrimLeft(line, " "); trimmed != "" {
			if indent := len(line) - len(trimmed); shared < 0 || indent < shared {
				shared = indent
			}
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(max(shared, 0), len(line)):], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// flush takes all indentation off a text of paragraphs, where Markdown would see code.
func flush(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
