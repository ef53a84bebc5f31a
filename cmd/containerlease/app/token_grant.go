package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/containerlease/containerlease/api/server/roles"
	"github.com/containerlease/containerlease/api/server/tokens"
)

// grantFlags say who the holder of a credential is to be.
type grantFlags struct{ user, role, namespace string }

func (g *grantFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&g.user, "user", g.user, "Name of the user: what the API, its log and the leases' created-by say.")
	flags.StringVar(&g.role, "role", g.role,
		"admin (everything, everywhere), editor (takes and ends leases) or viewer (sees leases, logs and bills).")
	flags.StringVar(&g.namespace, "namespace", g.namespace,
		"Namespace that an editor or viewer is one of. Empty: the user's own.")
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]cobra.Completion{
		cobra.CompletionWithDesc(string(roles.Admin), "everything, everywhere"),
		cobra.CompletionWithDesc(string(roles.Editor), "takes and ends the leases of a namespace"),
		cobra.CompletionWithDesc(string(roles.Viewer), "sees the leases, logs and bills of a namespace"),
	}, cobra.ShellCompDirectiveNoFileComp))
}

// grant checks the flags. The error names the flag, its value and what is allowed.
func (g *grantFlags) grant() (tokens.Grant, error) {
	if g.user == "" {
		return tokens.Grant{}, errors.New("--user: is required: the name of whom the token is for")
	}
	if g.role == "" {
		return tokens.Grant{}, fmt.Errorf("--role: is required: %s, %s or %s", roles.Admin, roles.Editor, roles.Viewer)
	}
	role, err := roles.Parse(g.role)
	if err != nil {
		return tokens.Grant{}, fmt.Errorf("--role: %w", err)
	}
	if g.namespace != "" {
		if role == roles.Admin {
			return tokens.Grant{}, fmt.Errorf("--namespace: %q: an admin is one of every namespace: leave it out, or make an editor", g.namespace)
		}
		if problems := validation.IsDNS1123Label(g.namespace); len(problems) > 0 {
			return tokens.Grant{}, fmt.Errorf("--namespace: %q: must be the name of a namespace: %s", g.namespace, strings.Join(problems, "; "))
		}
	}
	grant := tokens.Grant{User: g.user, Groups: []string{roles.Group(role, g.namespace)}}
	if err := grant.Validate(); err != nil {
		return tokens.Grant{}, fmt.Errorf("--%w", err)
	}
	return grant, nil
}

// rolesOf writes the roles of a grant, and the namespaces that they are for.
func rolesOf(grant tokens.Grant) (role, namespace string) {
	grants := roles.Of(&user.DefaultInfo{Name: grant.User, Groups: grant.Groups})
	if grants.Admin {
		return string(roles.Admin), "*"
	}
	var names, namespaces []string
	for _, namespace := range slices.Sorted(maps.Keys(grants.Namespaces)) {
		names = append(names, string(grants.Namespaces[namespace]))
		namespaces = append(namespaces, namespace)
	}
	return strings.Join(names, ","), strings.Join(namespaces, ",")
}

// describe says in words what a grant is good for.
func describe(grant tokens.Grant) string {
	role, namespace := rolesOf(grant)
	if namespace == "*" {
		return role + " everywhere"
	}
	return fmt.Sprintf("%s of namespace %s", role, namespace)
}

// lifetime is a duration of which days can be said, and zero is without end.
type lifetime time.Duration

// day is a unit that time.ParseDuration leaves out, because of daylight saving: here it has
// 24 hours.
const day = 24 * time.Hour

// Set implements pflag.Value.
func (l *lifetime) Set(text string) error {
	parsed, err := time.ParseDuration(text)
	if number, isDays := strings.CutSuffix(text, "d"); isDays {
		var days int
		days, err = strconv.Atoi(number)
		// A hundred years are as good as never, and don't overflow.
		if days > 36500 {
			err = strconv.ErrRange
		}
		parsed = time.Duration(days) * day
	}
	if err != nil || parsed < 0 {
		return errors.New("must be a duration, such as 90m, 24h or 30d, or 0 for never")
	}
	*l = lifetime(parsed)
	return nil
}

// String implements pflag.Value.
func (l *lifetime) String() string {
	d := time.Duration(*l)
	switch {
	case d == 0:
		return "0"
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// Type implements pflag.Value.
func (*lifetime) Type() string { return "duration" }

// until says when an entry ends, for a sentence.
func until(entry tokens.Entry) string {
	if entry.Expires.IsZero() {
		return "until it is revoked"
	}
	return "until " + timestamp(entry.Expires)
}

// timestamp is how the commands write a time; zero is never.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}
