package e2e

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// binaries are built once for all tests.
var binaries struct {
	// home is the HOME of every process the tests start, so that nobody's own
	// configuration or cache takes part.
	home                              string
	containerlease, leasectl, kubectl string
	// path is a PATH on which kubectl finds leasectl as its plugin.
	path string
}

// parallelTests is how many of the parallel tests run at once. They wait more than they work.
const parallelTests = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(parallelTests)
	}
	ctrl.SetLogger(klog.Background())
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	code = m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "the shared server:", err)
		code = 1
	}
	if binaries.home != "" {
		_ = os.RemoveAll(binaries.home)
	}
	return code
}

// build builds the programs under test and kubectl, the first time it is called. They stay in
// bin, where the next run finds what has not changed.
var build = sync.OnceValue(func() error {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	bin := filepath.Join(root, "bin", "e2e")
	if raceDetector {
		bin += "-race"
	}
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	if binaries.home, err = os.MkdirTemp("", "containerlease-e2e-"); err != nil {
		return err
	}
	binaries.containerlease = filepath.Join(bin, "containerlease")
	binaries.leasectl = filepath.Join(bin, "leasectl")
	binaries.kubectl = filepath.Join(bin, "kubectl")
	binaries.path = bin + string(os.PathListSeparator) + os.Getenv("PATH")

	// Clients parse the versions, which a release sets this way, too.
	versioned := func(version, output string, more ...string) []string {
		return append([]string{"build", "-ldflags", "-X k8s.io/component-base/version.gitVersion=" + version, "-o", output}, more...)
	}
	server := versioned("v0.1.0-e2e", binaries.containerlease)
	if raceDetector {
		server = append(server, "-race")
	}
	for _, b := range []struct {
		dir  string
		args []string
	}{
		{root, append(server, "./cmd/containerlease")},
		{root, versioned("v0.1.0-e2e", binaries.leasectl, "./cmd/leasectl")},
		{filepath.Join(root, "hack", "tools"), versioned("v1.37.2", binaries.kubectl, "./kubectl")},
	} {
		cmd := exec.Command("go", b.args...)
		cmd.Dir = b.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(b.args, " "), err, out)
		}
	}
	plugin := filepath.Join(bin, "kubectl-lease")
	if err := os.Symlink("leasectl", plugin); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
})
