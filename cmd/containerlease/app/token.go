package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
)

func newTokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens that people and programs come in with",
		Long: `Makes, lists and revokes the tokens that people and programs come in with. A token is good
at the API, at the gateway and in kubectl alike.

These commands work on the server's data directory, whether the server runs or not: a
running one heeds a change at once. The directory holds no token, only what it recognises
them by.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenCreateCommand(), newTokenLinkCommand(), newTokenListCommand(), newTokenRevokeCommand())
	return cmd
}

// dataDirFlags say which server's tokens a command is about.
type dataDirFlags struct{ dataDir, config string }

func (f *dataDirFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.dataDir, "data-dir", "",
		"The server's data directory. Empty: the one that its environment or configuration file names, else its default.")
	flags.StringVar(&f.config, "config", "",
		"The server's configuration file. Empty: the one that the server would read.")
}

// directory finds the data directory as serve does.
func (f *dataDirFlags) directory() (string, error) {
	s := settings.Default()
	if f.dataDir != "" {
		s.DataDir = f.dataDir
	} else {
		flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		s.AddFlags(flags)
		if err := settings.Load(flags, f.config, os.LookupEnv); err != nil {
			return "", err
		}
	}
	return s.DataDir, s.Validate()
}

// open opens the tokens of a data directory that must exist.
func (f *dataDirFlags) open() (*tokens.Store, string, error) {
	directory, err := f.directory()
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(directory); errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("data directory %s does not exist: name the server's by --data-dir", directory)
	}
	store, err := tokens.Open(directory, tokens.Options{})
	return store, directory, err
}

// make opens the tokens of a data directory, and makes it, as serve would, if it is missing.
func (f *dataDirFlags) make() (*tokens.Store, string, error) {
	directory, err := f.directory()
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, "", fmt.Errorf("making the data directory: %w", err)
	}
	store, err := tokens.Open(directory, tokens.Options{})
	return store, directory, err
}
