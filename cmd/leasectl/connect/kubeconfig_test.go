package connect

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func machine(uid int, home string, environment map[string]string) Machine {
	return Machine{UID: uid, Home: home, Getenv: func(name string) string { return environment[name] }}
}

func TestCandidates(t *testing.T) {
	const system = "/var/lib/containerlease/kubeconfig"
	tests := map[string]struct {
		machine Machine
		want    []string
	}{
		"Root":           {machine(0, "/root", nil), []string{system}},
		"User":           {machine(1000, "/home/me", nil), []string{"/home/me/.local/share/containerlease/kubeconfig", system}},
		"UserDataHome":   {machine(1000, "/home/me", map[string]string{"XDG_DATA_HOME": "/data"}), []string{"/data/containerlease/kubeconfig", system}},
		"Homeless":       {machine(1000, "", nil), []string{system}},
		"NamedDirectory": {machine(0, "/root", map[string]string{"CONTAINERLEASE_DATA_DIR": "/srv/cl"}), []string{"/srv/cl/kubeconfig"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.machine.Candidates()); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchPath(t *testing.T) {
	data := t.TempDir()
	local := filepath.Join(data, "kubeconfig")
	if err := os.WriteFile(local, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	directory := t.TempDir()
	if err := os.Mkdir(filepath.Join(directory, "kubeconfig"), 0o700); err != nil {
		t.Fatal(err)
	}

	tests := map[string]struct {
		machine Machine
		want    string
	}{
		"ExplicitWins":        {machine(1, "/home/me", map[string]string{"KUBECONFIG": "/a:/b", "CONTAINERLEASE_DATA_DIR": data}), "/a:/b"},
		"LocalThenOwn":        {machine(1, "/home/me", map[string]string{"CONTAINERLEASE_DATA_DIR": data}), local + ":/home/me/.kube/config"},
		"LocalAlone":          {machine(1, "", map[string]string{"CONTAINERLEASE_DATA_DIR": data}), local},
		"NoServerHere":        {machine(1, "/home/me", map[string]string{"CONTAINERLEASE_DATA_DIR": empty}), ""},
		"DirectoryIsNoConfig": {machine(1, "/home/me", map[string]string{"CONTAINERLEASE_DATA_DIR": directory}), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tc.machine.SearchPath(); got != tc.want {
				t.Errorf("SearchPath() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestLeaseName(t *testing.T) {
	tests := map[string]struct {
		arg, want string
		wantErr   bool
	}{
		"Bare":          {"demo", "demo", false},
		"Short":         {"cl/demo", "demo", false},
		"Lease":         {"lease/demo", "demo", false},
		"AsPrinted":     {"containerlease.containerlease.dev/demo", "demo", false},
		"Plural":        {"ContainerLeases/demo", "demo", false},
		"AnotherKind":   {"leaseclass/standard", "", true},
		"AnotherGroup":  {"lease.coordination.k8s.io/demo", "", true},
		"Empty":         {"", "", true},
		"EmptyOfLeases": {"lease/", "", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := LeaseName(tc.arg)
			if got != tc.want || (err != nil) != tc.wantErr {
				t.Errorf("LeaseName(%q) = %q, %v", tc.arg, got, err)
			}
		})
	}
}
