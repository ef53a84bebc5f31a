package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apiserver/pkg/authentication/user"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/api/server/tokens"
)

// result is what a command line did.
type result struct {
	out, messages string
	err           error
}

func execute(t *testing.T, args ...string) result {
	t.Helper()
	var out, messages bytes.Buffer
	cmd := NewCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&messages)
	err := cmd.ExecuteContext(t.Context())
	return result{out.String(), messages.String(), err}
}

// holder returns who a secret makes its holder, as a server sees it; nil if it is refused.
func holder(t *testing.T, directory, secret string) user.Info {
	t.Helper()
	store, err := tokens.Open(directory, tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	response, ok, _ := store.AuthenticateToken(t.Context(), secret)
	if !ok {
		return nil
	}
	return response.User
}

func TestTokenCreate(t *testing.T) {
	for name, tc := range map[string]struct {
		args     []string
		user     string
		groups   []string
		messages []string
		lifetime time.Duration
	}{
		"Admin": {
			args: []string{"--user", "root", "--role", "admin"},
			user: "root", groups: []string{"containerlease.dev:admin"},
			messages: []string{"admin everywhere", "token revoke --data-dir "},
			lifetime: defaultTokenLifetime,
		},
		"OwnNamespace": {
			args: []string{"--user", "alice", "--role", "editor", "--expires", "24h"},
			user: "alice", groups: []string{"containerlease.dev:editor"},
			messages: []string{"of alice", "editor of namespace alice"},
			lifetime: 24 * time.Hour,
		},
		"Namespace": {
			args: []string{"--user", "bob@example.com", "--role", "viewer", "--namespace", "team-a", "--expires", "7d"},
			user: "bob@example.com", groups: []string{"containerlease.dev:viewer:team-a"},
			messages: []string{"viewer of namespace team-a"},
			lifetime: 7 * day,
		},
		"Forever": {
			args: []string{"--user", "ci", "--role", "editor", "--expires", "0"},
			user: "ci", groups: []string{"containerlease.dev:editor"},
			messages: []string{"until it is revoked"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			directory := filepath.Join(t.TempDir(), "new", "data")
			before := time.Now()
			r := execute(t, append([]string{"token", "create", "--data-dir", directory}, tc.args...)...)
			if r.err != nil {
				t.Fatal(r.err)
			}
			if !regexp.MustCompile(`^cl_\w+_\w+\n$`).MatchString(r.out) {
				t.Fatalf("printed %q, want a token alone", r.out)
			}
			secret := strings.TrimSpace(r.out)
			for _, want := range tc.messages {
				if !strings.Contains(r.messages, want) || strings.Contains(r.messages, secret) {
					t.Errorf("said %q, want %q and no token", r.messages, want)
				}
			}
			who := holder(t, directory, secret)
			if who == nil || who.GetName() != tc.user || !cmp.Equal(who.GetGroups(), tc.groups) {
				t.Errorf("the token is of %v, want %s %v", who, tc.user, tc.groups)
			}
			store, err := tokens.Open(directory, tokens.Options{})
			if err != nil {
				t.Fatal(err)
			}
			entry, err := store.Lookup(secret)
			if err != nil || tc.lifetime == 0 && !entry.Expires.IsZero() ||
				tc.lifetime != 0 && entry.Expires.Sub(before).Round(time.Minute) != tc.lifetime {
				t.Errorf("it ends at %v, want after %v", entry.Expires, tc.lifetime)
			}
		})
	}
}

func TestTokenRefuses(t *testing.T) {
	directory := t.TempDir()
	create := []string{"create", "--data-dir", directory}
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"NoUser":         {append(create, "--role", "admin"), []string{"--user", "required"}},
		"NoRole":         {append(create, "--user", "a"), []string{"--role", "admin, editor or viewer"}},
		"Role":           {append(create, "--user", "a", "--role", "owner"), []string{"--role", `"owner"`, "admin, editor or viewer"}},
		"SystemUser":     {append(create, "--user", "system:apiserver", "--role", "admin"), []string{"--user", `"system:apiserver"`, "reserved"}},
		"AdminNamespace": {append(create, "--user", "a", "--role", "admin", "--namespace", "b"), []string{"--namespace", `"b"`, "every namespace"}},
		"Namespace":      {append(create, "--user", "a", "--role", "editor", "--namespace", "Team A"), []string{"--namespace", `"Team A"`, "lower case"}},
		"Expires":        {append(create, "--user", "a", "--role", "editor", "--expires", "soon"), []string{"--expires", "soon", "24h"}},
		"Negative":       {append(create, "--user", "a", "--role", "editor", "--expires", "-1h"), []string{"--expires", "-1h"}},
		"Days":           {append(create, "--user", "a", "--role", "editor", "--expires", "999999999d"), []string{"--expires", "999999999d"}},
		"Argument":       {append(create, "alice"), []string{"alice"}},
		"EndlessLink":    {[]string{"link", "--data-dir", directory, "--expires", "0"}, []string{"--expires", "above zero"}},
		"ListNowhere":    {[]string{"list", "--data-dir", directory + "/none"}, []string{directory + "/none", "does not exist", "--data-dir"}},
		"RevokeNowhere":  {[]string{"revoke", "a", "--data-dir", directory + "/none"}, []string{"does not exist"}},
		"RevokeNothing":  {[]string{"revoke", "--data-dir", directory}, []string{"which one", "token list"}},
		"RevokeUnknown":  {[]string{"revoke", "--data-dir", directory, "abc"}, []string{"no such token", `"abc"`}},
		"Output":         {[]string{"list", "--data-dir", directory, "-o", "xml"}, []string{"--output", `"xml"`, "json or yaml"}},
		"Unknown":        {[]string{"show"}, []string{"show"}},
		"Config":         {[]string{"list", "--config", "/does/not/exist"}, []string{"/does/not/exist"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := execute(t, append([]string{"token"}, tc.args...)...)
			if r.err == nil || r.out != "" {
				t.Fatalf("got %q, %v", r.out, r.err)
			}
			for _, want := range tc.want {
				if !strings.Contains(r.err.Error(), want) {
					t.Errorf("error %q does not contain %q", r.err, want)
				}
			}
		})
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
		t.Errorf("what was refused left %v, %v", left, err)
	}
}

func TestTokenListAndRevoke(t *testing.T) {
	directory := t.TempDir()
	run := func(args ...string) result {
		t.Helper()
		r := execute(t, append(append([]string{"token"}, args...), "--data-dir", directory)...)
		if r.err != nil {
			t.Fatal(r.err)
		}
		return r
	}
	if r := run("list"); r.out != "" || !strings.Contains(r.messages, "No tokens") {
		t.Errorf("an empty list: %q, %q", r.out, r.messages)
	}
	if r := run("list", "-o", "json"); r.out != "[]\n" {
		t.Errorf("an empty list in JSON: %q", r.out)
	}
	first := strings.TrimSpace(run("create", "--user", "root", "--role", "admin", "--expires", "0").out)
	second := strings.TrimSpace(run("create", "--user", "alice", "--role", "viewer", "--namespace", "team").out)
	third := strings.TrimSpace(run("create", "--user", "bob", "--role", "editor").out)
	link := strings.TrimSpace(run("link", "--user", "carol", "--role", "editor").out)
	_, linkSecret, _ := strings.Cut(link, "token=")
	id := func(secret string) string { return strings.Split(secret, "_")[1] }

	table := run("list").out
	var cells [][]string
	for line := range strings.Lines(table) {
		cells = append(cells, strings.Fields(line)[:5])
	}
	want := [][]string{
		{"ID", "KIND", "USER", "ROLE", "NAMESPACE"},
		{id(first), "token", "root", "admin", "*"},
		{id(second), "token", "alice", "viewer", "team"},
		{id(third), "token", "bob", "editor", "bob"},
		{id(linkSecret), "link", "carol", "editor", "carol"},
	}
	if diff := cmp.Diff(want, cells); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, format := range []string{"", "json", "yaml"} {
		out := run("list", "-o", format).out
		for _, secret := range []string{first, second, third, linkSecret} {
			if strings.Contains(out, strings.Split(secret, "_")[2]) {
				t.Errorf("-o %q shows a secret", format)
			}
		}
	}
	var fromJSON, fromYAML []listed
	if err := json.Unmarshal([]byte(run("list", "-o", "json").out), &fromJSON); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(run("list", "-o", "yaml").out), &fromYAML); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" || len(fromJSON) != 4 || fromJSON[1].Role != "viewer" {
		t.Errorf("JSON %+v and YAML differ: %s", fromJSON, diff)
	}

	out := run("revoke", id(first), second).out
	if !strings.Contains(out, id(first)+" of root revoked") || strings.Contains(out, second) {
		t.Errorf("revoke printed %q", out)
	}
	again := execute(t, "token", "revoke", "--data-dir", directory, id(first), id(third))
	if again.err == nil || !strings.Contains(again.err.Error(), id(first)) || !strings.Contains(again.out, id(third)) {
		t.Errorf("one known, one not: %q, %v", again.out, again.err)
	}
	for _, secret := range []string{first, second, third} {
		if who := holder(t, directory, secret); who != nil {
			t.Errorf("a revoked token is still %v", who)
		}
	}
}

// TestTokenLink: the link leads to where the server was, and signs in once.
func TestTokenLink(t *testing.T) {
	directory := t.TempDir()
	store, err := tokens.Open(directory, tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ saved, want string }{
		{"", "http://127.0.0.1:8080/signin?token=cl_"},
		{"https://leases.example/", "https://leases.example/signin?token=cl_"},
	} {
		if tc.saved != "" {
			if err := saveGatewayURL(directory, tc.saved); err != nil {
				t.Fatal(err)
			}
		}
		r := execute(t, "token", "link", "--data-dir", directory)
		if r.err != nil || !strings.HasPrefix(r.out, tc.want) || !strings.Contains(r.messages, "once as admin") {
			t.Errorf("printed %q, %q, %v; want %q", r.out, r.messages, r.err, tc.want)
		}
		_, secret, _ := strings.Cut(strings.TrimSpace(r.out), "token=")
		session, entry, err := store.SignIn(t.Context(), secret)
		if err != nil || entry.User != "admin" || holder(t, directory, session) == nil {
			t.Errorf("signing in: %+v, %v", entry, err)
		}
	}
}

// TestTokenDirectory: the directory is found as serve finds it.
func TestTokenDirectory(t *testing.T) {
	create := []string{"token", "create", "--user", "a", "--role", "admin"}
	t.Run("Environment", func(t *testing.T) {
		directory := t.TempDir()
		t.Setenv("CONTAINERLEASE_DATA_DIR", directory)
		r := execute(t, create...)
		if r.err != nil || holder(t, directory, strings.TrimSpace(r.out)) == nil {
			t.Errorf("%+v", r)
		}
	})
	t.Run("File", func(t *testing.T) {
		directory := t.TempDir()
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte("dataDir: "+directory+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CONTAINERLEASE_CONFIG", file)
		r := execute(t, create...)
		if r.err != nil || holder(t, directory, strings.TrimSpace(r.out)) == nil {
			t.Errorf("%+v", r)
		}
	})
}

func TestTokenCompletion(t *testing.T) {
	directory := t.TempDir()
	secret := strings.TrimSpace(execute(t, "token", "create", "--data-dir", directory, "--user", "a", "--role", "admin").out)
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"Role": {[]string{"token", "create", "--role", ""}, "editor\t"},
		"ID":   {[]string{"token", "revoke", "--data-dir", directory, ""}, strings.Split(secret, "_")[1] + "\ttoken of a"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := execute(t, append([]string{"__complete"}, tc.args...)...); r.err != nil || !strings.Contains(r.out, tc.want) {
				t.Errorf("completed %q, %v; want %q", r.out, r.err, tc.want)
			}
		})
	}
}

func TestLifetime(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "0s": "0", "90m": "90m", "24h": "1d", "36h": "36h", "30d": "30d", "720h": "30d", "90s": "1m30s",
		"": "", "d": "", "1.5d": "", "-1d": "", "1y": "", "36501d": "",
	} {
		var l lifetime
		switch err := l.Set(text); {
		case err != nil && want != "", err == nil && want == "":
			t.Errorf("%q: %v", text, err)
		case err == nil && l.String() != want:
			t.Errorf("%q is %q, want %q", text, l.String(), want)
		}
	}
}
