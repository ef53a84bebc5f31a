package version

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func invoke(t *testing.T, server string, args ...string) (string, error) {
	t.Helper()
	flags := genericclioptions.NewConfigFlags(false)
	flags.APIServer = &server
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	cmd := NewCommand("leasectl", flags, streams)
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func serving(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		fmt.Fprint(w, `{"gitVersion":"v1.2.3"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestVersion(t *testing.T) {
	out, err := invoke(t, serving(t))
	if err != nil || !strings.HasPrefix(out, "Client Version: ") || !strings.HasSuffix(out, "\nServer Version: v1.2.3\n") {
		t.Errorf("out, err = %q, %v", out, err)
	}
}

func TestVersionJSON(t *testing.T) {
	out, err := invoke(t, serving(t), "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var versions Versions
	if err := json.Unmarshal([]byte(out), &versions); err != nil {
		t.Fatal(err)
	}
	if versions.Server == nil || versions.Server.GitVersion != "v1.2.3" || versions.Client.GoVersion == "" {
		t.Errorf("versions = %+v", versions)
	}
}

func TestVersionWithoutAServer(t *testing.T) {
	const nowhere = "http://127.0.0.1:1"
	out, err := invoke(t, nowhere)
	if err == nil || !strings.HasPrefix(out, "Client Version: ") || strings.Contains(out, "Server") {
		t.Errorf("out, err = %q, %v: the client's version and an error are wanted", out, err)
	}
	if out, err := invoke(t, nowhere, "--client"); err != nil || strings.Contains(out, "Server") {
		t.Errorf("--client: out, err = %q, %v", out, err)
	}
}

func TestVersionUsage(t *testing.T) {
	if _, err := invoke(t, serving(t), "-o", "xml"); err == nil {
		t.Error("-o xml was accepted")
	}
}
