package cli

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func tree(name string) *cobra.Command {
	return NewCommand(genericiooptions.NewTestIOStreamsDiscard(), name)
}

// walk visits all commands but kubectl's flags for all of them.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, visit)
	}
}

func TestParseCall(t *testing.T) {
	tests := map[string]struct {
		argv []string
		want Call
	}{
		"ByName":           {[]string{"/usr/bin/leasectl", "get"}, Call{Name, []string{"get"}}},
		"AsPlugin":         {[]string{"/usr/bin/kubectl-lease", "get"}, Call{PluginName, []string{"get"}}},
		"AsPluginOfExe":    {[]string{"kubectl-lease.exe"}, Call{PluginName, []string{}}},
		"AsItsCompletion":  {[]string{"kubectl_complete-lease", "logs", ""}, Call{PluginName, []string{"__complete", "logs", ""}}},
		"ByAnotherName":    {[]string{"./lease", "get"}, Call{Name, []string{"get"}}},
		"WithoutArguments": {nil, Call{Name: Name}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ParseCall(tc.argv)); diff != "" {
				t.Errorf("call (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommands(t *testing.T) {
	var got []string
	for _, cmd := range tree(Name).Commands() {
		got = append(got, cmd.Name())
	}
	slices.Sort(got)
	want := []string{
		"annotate", "api-resources", "api-versions", "apply", "auth", "bill", "completion", "config", "create", "delete",
		"describe", "diff", "edit", "events", "explain", "extend", "get", "label", "logs", "options", "patch", "replace",
		"resize", "resume", "run", "suspend", "version", "wait",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestEachCommandHasHelp(t *testing.T) {
	walk(tree(Name), func(cmd *cobra.Command) {
		if cmd.Name() == "options" {
			return // prints the flags for all commands
		}
		if cmd.Short == "" || cmd.Long == "" {
			t.Errorf("%s: no description", cmd.CommandPath())
		}
		if !strings.Contains(cmd.Example, "leasectl") {
			t.Errorf("%s: no example", cmd.CommandPath())
		}
	})
}

// foreign is what the server doesn't have, or who we are not. Words that belong to
// kubectl's interface (the annotation, the URL, a field manager) may stay.
var foreign = regexp.MustCompile(`(?i)\b(pods?|deployments?|replicasets?|configmaps?|secrets?|nginx|redis-master)\b|(^|\s)kubectl\s`)

func TestExamplesAreAboutLeases(t *testing.T) {
	walk(tree(Name), func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), "leasectl ")
		if path == "leasectl" || strings.HasPrefix(path, "config ") {
			return // the one names kubectl on purpose, and kubeconfigs are the same for all
		}
		for what, text := range map[string]string{"example": cmd.Example, "description": cmd.Long, "summary": cmd.Short} {
			if found := foreign.FindString(text); found != "" {
				t.Errorf("%s: %s speaks of %q:\n%s", path, what, found, text)
			}
		}
	})
}

func TestHelpNamesThePlugin(t *testing.T) {
	root := tree(PluginName)
	walk(root, func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if !strings.HasPrefix(path, "kubectl lease") {
			t.Errorf("command path %q", path)
		}
		if text := cmd.Short + "\n" + cmd.Long + "\n" + cmd.Example; strings.Contains(text, "kubectl lease lease ") {
			t.Errorf("%s: named twice:\n%s", path, text)
		}
	})
	extend, _, err := root.Find([]string{"extend"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(extend.Example, "kubectl lease extend demo --by 15m") {
		t.Errorf("example:\n%s", extend.Example)
	}
}

func TestRenamed(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"Call":       {"run kubectl apply, then 'kubectl api-resources'", "run leasectl apply, then 'leasectl api-resources'"},
		"Told":       {"use \"kubectl lease api-resources\"", "use \"leasectl api-resources\""},
		"End":        {"as in kubectl", "as in leasectl"},
		"URL":        {"https://kubernetes.io/docs/reference/kubectl/#x", "https://kubernetes.io/docs/reference/kubectl/#x"},
		"Annotation": {"kubectl.kubernetes.io/last-applied-configuration", "kubectl.kubernetes.io/last-applied-configuration"},
		"Manager":    {"kubectl-client-side-apply", "kubectl-client-side-apply"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := renamed(tc.text, Name); got != tc.want {
				t.Errorf("renamed(%q) = %q, want %q", tc.text, got, tc.want)
			}
		})
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		streams, _, out, _ := genericiooptions.NewTestIOStreams()
		root := NewCommand(streams, Name)
		root.SetArgs([]string{"completion", shell})
		root.SetErr(io.Discard)
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), "leasectl") {
			t.Errorf("%s: %v, %d bytes", shell, err, out.Len())
		}
	}
}
