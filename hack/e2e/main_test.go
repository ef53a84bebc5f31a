package e2e

import (
	"flag"
	"fmt"
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
	dir string
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
	if binaries.dir != "" {
		_ = os.RemoveAll(binaries.dir)
	}
	return code
}

// build builds the programs under test and kubectl, the first time it is called.
var build = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "containerlease-e2e-")
	if err != nil {
		return err
	}
	binaries.dir = dir
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return err
	}
	binaries.home = filepath.Join(dir, "home")
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{binaries.home, bin} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	binaries.containerlease = filepath.Join(bin, "containerlease")
	binaries.leasectl = filepath.Join(bin, "leasectl")
	binaries.kubectl = filepath.Join(bin, "kubectl")
	binaries.path = bin + string(os.PathListSeparator) + os.Getenv("PATH")

	server := []string{"build", "-o", binaries.containerlease}
	if raceDetector {
		server = append(server, "-race")
	}
	for _, b := range []struct {
		dir  string
		args []string
	}{
		{root, append(server, "./cmd/containerlease")},
		{root, []string{"build", "-o", binaries.leasectl, "./cmd/leasectl"}},
		{filepath.Join(root, "hack", "tools"), []string{"build", "-o", binaries.kubectl, "./kubectl"}},
	} {
		cmd := exec.Command("go", b.args...)
		cmd.Dir = b.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(b.args, " "), err, out)
		}
	}
	return os.Symlink("leasectl", filepath.Join(bin, "kubectl-lease"))
})
