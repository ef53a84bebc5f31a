package server_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// programs is where buildKubectl puts what it builds.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "api-server-test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(programs)
	os.Exit(code)
}

// buildKubectl builds the unmodified kubectl that goes with our API server, once.
var buildKubectl = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "kubectl")
	build := exec.Command("go", "build", "-o", path, "./kubectl")
	build.Dir = filepath.Join("..", "..", "hack", "tools")
	build.Stderr = os.Stderr
	return path, build.Run()
})

// kubectl runs kubectl against a server, in a home of its own.
type kubectl struct {
	*testing.T
	path, kubeconfig, home string
}

func newKubectl(t *testing.T, f *fixture) *kubectl {
	t.Helper()
	path, err := buildKubectl()
	if err != nil {
		t.Fatalf("building kubectl: %v", err)
	}
	return &kubectl{t, path, f.kubeconfig, t.TempDir()}
}

func (k *kubectl) exec(stdin string, args ...string) (string, error) {
	k.Helper()
	ctx, cancel := context.WithTimeout(k.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.path, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig, "HOME="+k.home, "EDITOR=sed -i s/25m/35m/")
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// says runs a command that must succeed, with all of these in its output.
func (k *kubectl) says(stdin string, args []string, want ...string) {
	k.Helper()
	out, err := k.exec(stdin, args...)
	if err != nil {
		k.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	k.contains(out, args, want)
}

// fails runs a command that must fail.
func (k *kubectl) fails(stdin string, args []string, want ...string) {
	k.Helper()
	out, err := k.exec(stdin, args...)
	if err == nil {
		k.Errorf("kubectl %s: no error\n%s", strings.Join(args, " "), out)
	}
	k.contains(out, args, want)
}

func (k *kubectl) contains(out string, args, want []string) {
	k.Helper()
	for _, part := range want {
		if !strings.Contains(out, part) {
			k.Errorf("kubectl %s: %q is missing from\n%s", strings.Join(args, " "), part, out)
		}
	}
}

const manifest = `apiVersion: containerlease.dev/v1alpha1
kind: ContainerLease
metadata: {name: demo, labels: {team: blue}}
spec:
  image: ubuntu
  ttl: 20m
  ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}, {containerPort: 80}]
  env: [{name: A, value: b}]
`

// TestKubectl takes an unmodified kubectl through what people do with it.
func TestKubectl(t *testing.T) {
	f := start(t, startRedis(t), nil)
	k := newKubectl(t, f)
	a := func(s string) []string { return strings.Fields(s) }

	k.says("", a("api-resources --no-headers"), "cl,lease,leases", "lc ", "br,bill,bills", "namespaces", "events")
	k.says("", a("auth whoami"), "admin", "system:masters")
	k.says("", a("auth can-i create cl"), "yes")
	k.says("", a("auth can-i --list"), "*.*")
	k.says("", a("get lc -o wide"), "standard", "yes", "250m-2", "256Mi-2Gi", "5m-2h", "0.04/CPUh 0.005/GiBh USD", "ubuntu,alpine")
	k.says("", a("explain containerlease.spec.ttl"), "how long the container may run")
	k.says("", a("explain cl --recursive"), "operatingMode", "Running, Suspended")

	k.fails(manifest, a("diff -f -"), "+  ttl: 20m")
	k.says(manifest, a("apply -f - --dry-run=server"), "created (server dry run)")
	k.fails("", a("get cl demo"), "NotFound")
	k.says(manifest, a("apply -f -"), "created")
	k.says(manifest, a("apply -f -"), "unchanged")
	k.says(manifest, a("diff -f -"))
	k.fails(manifest, a("create -f -"), "AlreadyExists")
	k.says(manifest, a("apply --server-side --force-conflicts -f -"), "serverside-applied")
	k.says(strings.Replace(manifest, "20m", "25m", 1), a("apply --server-side -f -"), "serverside-applied")
	k.says("", a("edit cl demo"), "edited")
	k.says("", []string{"get", "lease", "demo", "-o", "jsonpath={.spec.ttl} {.spec.className} {.metadata.generation}"}, "35m standard 3")

	k.says("", a("get leases"), "NAME", "EXPIRES IN", "COST", "demo", "Pending", "500m", "512Mi")
	k.says("", a("get all"), "demo")
	k.says("", a("get cl -A -o wide --chunk-size=1"), "CLASS", "CONTAINER", "REASON", "standard")
	k.says("", a("get cl -l team=blue -o name"), "containerlease.containerlease.dev/demo")
	k.says("", a("get cl -l team=red"), "No resources found")
	for selector, found := range map[string]string{
		"metadata.name=demo": "demo", "spec.className=standard": "demo", "status.phase=Pending": "demo", "status.phase=Running": "No resources",
	} {
		k.says("", a("get cl --field-selector "+selector), found)
	}
	k.fails("", a("get cl --field-selector spec.user=x"), "field label not supported")

	k.says("", []string{"patch", "cl", "demo", "--type=json", "-p", `[{"op":"replace","path":"/spec/ttl","value":"40m"}]`}, "patched")
	k.fails("", []string{"patch", "cl", "demo", "--type=merge", "-p", `{"spec":{"image":"alpine","ttl":"9h"}}`}, "spec.image", "spec.ttl", "5m to 2h")
	k.says("", a("label cl demo x=y"), "labeled")
	k.says("", a("annotate cl demo x=y"), "annotated")
	k.says("", []string{"patch", "cl", "demo", "--subresource=status", "--type=merge", "-p",
		`{"status":{"phase":"Running","cost":{"currency":"USD","hourlyRate":"0.0225","estimated":"0.01125"},"conditions":[{"type":"Ready","status":"True","reason":"Running","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`}, "patched")
	k.says("", a("wait --for=condition=Ready cl/demo --timeout=10s"), "condition met")
	k.says("", a("get cl"), "~0.01125 USD", "Running")

	uid, err := k.exec("", "get", "cl", "demo", "-o", "jsonpath={.metadata.uid}")
	must(t, err)
	k.says(`{"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"default"},"reason":"Pulled","message":"image is there","type":"Normal",
		"involvedObject":{"kind":"ContainerLease","apiVersion":"containerlease.dev/v1alpha1","namespace":"default","name":"demo","uid":"`+uid+`"}}`, a("create -f -"), "created")
	k.says("", a("describe cl demo"), "Pulled", "image is there")
	k.says("", a("get events"), "Pulled", "containerlease/demo")
	k.says("", a("events --for=containerlease/demo"), "image is there")

	k.fails(`{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"x"},"spec":{"image":"ubuntu","cpu":1}}`, a("apply -f -"), `unknown field "spec.cpu"`)
	k.says("", a("create ns team"), "created")
	k.says("", a("delete ns team --wait=false"), "deleted")
	k.says("", a("get ns team"), "Terminating")
	k.says("", a("delete cl demo --wait=false"), "deleted")
	// No controller is here to end the lease and let it go.
	k.says("", []string{"patch", "cl", "demo", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`}, "patched")
	k.says("", a("get cl"), "No resources found")
}

// TestKubectlWatches: get -w prints a lease as it changes.
func TestKubectlWatches(t *testing.T) {
	f := start(t, startRedis(t), nil)
	k := newKubectl(t, f)
	watch := exec.Command(k.path, "get", "cl", "-w", "--no-headers")
	watch.Env = append(os.Environ(), "KUBECONFIG="+k.kubeconfig, "HOME="+k.home)
	var out lockedBuffer
	watch.Stdout = &out
	must(t, watch.Start())
	defer func() {
		_ = watch.Process.Kill()
		_ = watch.Wait()
	}()
	c := f.client(t)
	l := lease("seen")
	must(t, c.Create(t.Context(), l))
	within(t, "the watch shows the lease", func() bool { return strings.Contains(out.String(), "Pending") })
	l.Status.Phase = "Running"
	must(t, c.Status().Update(t.Context(), l))
	within(t, "the watch shows its change", func() bool { return strings.Contains(out.String(), "Running") })
}

// lockedBuffer is a buffer that is read while a process writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
