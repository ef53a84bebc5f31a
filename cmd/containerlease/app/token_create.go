package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
)

// defaultTokenLifetime is a month: long enough for a program to be set up and forgotten about for a
// while, and not for ever.
const defaultTokenLifetime = 30 * day

func newTokenCreateCommand() *cobra.Command {
	var directory dataDirFlags
	var grant grantFlags
	expires := lifetime(defaultTokenLifetime)
	cmd := &cobra.Command{
		Use:   "create --user NAME --role ROLE",
		Short: "Make a token and print it",
		Long: `Makes a token and prints it, and nothing else, on standard output. It can't be shown again.

It is good until it expires or is revoked, as "Authorization: Bearer TOKEN" at the API and
the gateway, and as a user's token in a kubeconfig.`,
		Example: `  # For a program that takes leases in its own namespace, ci
  containerlease token create --user ci --role editor > ci.token

  # For somebody who looks at the leases of a team, for a day
  containerlease token create --user alice --role viewer --namespace team-a --expires 24h

  # For yourself, on a server with its data elsewhere
  TOKEN=$(containerlease token create --data-dir /srv/leases --user admin --role admin)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			granted, err := grant.grant()
			if err != nil {
				return err
			}
			store, dataDir, err := directory.make()
			if err != nil {
				return err
			}
			secret, entry, err := store.Create(cmd.Context(), granted, time.Duration(expires))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Token %s of %s, %s, %s. It is shown only this once. To end it:\n\n  containerlease token revoke --data-dir %s %s\n\n",
				entry.ID, entry.User, describe(entry.Grant), until(entry), dataDir, entry.ID)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), secret)
			return err
		},
	}
	cmd.Flags().SortFlags = false
	grant.add(cmd)
	cmd.Flags().Var(&expires, "expires", "How long it is good, such as 90m, 24h or 30d; 0 is until it is revoked.")
	directory.add(cmd.Flags())
	return cmd
}

func newTokenLinkCommand() *cobra.Command {
	var directory dataDirFlags
	grant := grantFlags{user: "admin", role: string(roles.Admin)}
	expires := lifetime(tokens.LinkLifetime)
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Make a sign-in link for a browser and print it",
		Long: `Makes a link that signs a browser in, once, and prints it on standard output. What it is
exchanged for is a session of twelve hours.

The link begins with the address that the server was last reached at on this machine; behind
a proxy, put another before /signin.`,
		Example: `  # Sign in as the administrator
  containerlease token link

  # Invite somebody
  containerlease token link --user alice --role editor --expires 2h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			granted, err := grant.grant()
			if err != nil {
				return err
			}
			if expires <= 0 {
				return errors.New("--expires: 0: a link must end: above zero, such as 15m")
			}
			store, dataDir, err := directory.make()
			if err != nil {
				return err
			}
			gateway, err := savedGatewayURL(dataDir)
			if err != nil {
				return err
			}
			if gateway == "" {
				gateway = "http://" + settings.Default().Address
			}
			secret, entry, err := store.NewLink(cmd.Context(), granted, time.Duration(expires))
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Good for signing in once as %s, %s, %s:\n\n", entry.User, describe(entry.Grant), until(entry))
			_, err = fmt.Fprintln(cmd.OutOrStdout(), signInLink(gateway, secret))
			return err
		},
	}
	cmd.Flags().SortFlags = false
	grant.add(cmd)
	cmd.Flags().Var(&expires, "expires", "How long it waits to be used, such as 15m or 2h.")
	directory.add(cmd.Flags())
	return cmd
}
