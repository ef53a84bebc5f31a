package app

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/api/server/tokens"
)

// listed is a credential as programs read it.
type listed struct {
	tokens.Entry
	// Role and Namespace are what Groups say. Several are separated by commas, in the same
	// order; an admin's namespace is "*".
	Role      string `json:"role,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

func newTokenListCommand() *cobra.Command {
	var directory dataDirFlags
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the tokens, sessions and sign-in links in force",
		Example: `  containerlease token list

  # The IDs of everything that bob has, one a line
  containerlease token list -o json | jq -r '.[] | select(.user == "bob").id'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, ok := map[string]func(io.Writer, []listed) error{"": printTable, "json": printJSON, "yaml": printYAML}[output]
			if !ok {
				return fmt.Errorf("--output: %q: must be json or yaml", output)
			}
			store, _, err := directory.open()
			if err != nil {
				return err
			}
			entries, err := store.List()
			if err != nil {
				return err
			}
			rows := make([]listed, len(entries))
			for i, entry := range entries {
				rows[i].Entry = entry
				rows[i].Role, rows[i].Namespace = rolesOf(entry.Grant)
			}
			if len(rows) == 0 && output == "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "No tokens in %s\n", store.Path())
				return nil
			}
			return write(cmd.OutOrStdout(), rows)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "json or yaml, in full; empty is a table")
	directory.add(cmd.Flags())
	return cmd
}

func printTable(w io.Writer, rows []listed) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "ID\tKIND\tUSER\tROLE\tNAMESPACE\tCREATED\tEXPIRES")
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.ID, row.Kind, row.User, orNone(row.Role), orNone(row.Namespace),
			timestamp(row.Created), timestamp(row.Expires))
	}
	return table.Flush()
}

func orNone(text string) string {
	if text == "" {
		return "<none>"
	}
	return text
}

func printJSON(w io.Writer, rows []listed) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}

func printYAML(w io.Writer, rows []listed) error {
	data, err := yaml.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func newTokenRevokeCommand() *cobra.Command {
	var directory dataDirFlags
	cmd := &cobra.Command{
		Use:   "revoke ID...",
		Short: "End tokens, sessions or sign-in links",
		Long: `Ends tokens, sessions or sign-in links, for which their own text may stand as well as their ID.
With a token end the sessions that were signed in with it. A running server refuses them at once.`,
		Example: `  containerlease token revoke k3v7q2ma

  # By the token itself
  containerlease token revoke "$(cat ci.token)"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("revoke: which one? Name IDs, as containerlease token list shows them")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return completeIDs(directory)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := directory.open()
			if err != nil {
				return err
			}
			ended, err := store.Revoke(cmd.Context(), args...)
			for _, entry := range ended {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s of %s revoked\n", entry.Kind, entry.ID, entry.User)
			}
			return err
		},
	}
	directory.add(cmd.Flags())
	return cmd
}

// completeIDs offers what could be revoked.
func completeIDs(directory dataDirFlags) ([]cobra.Completion, cobra.ShellCompDirective) {
	store, _, err := directory.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	entries, err := store.List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var ids []cobra.Completion
	for _, entry := range entries {
		ids = append(ids, cobra.CompletionWithDesc(entry.ID, fmt.Sprintf("%s of %s", entry.Kind, entry.User)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
