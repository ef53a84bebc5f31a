package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// manifest is a lease as people write it. Suspended ones cost the engine nothing.
const manifest = `apiVersion: containerlease.dev/v1alpha1
kind: ContainerLease
metadata:
  name: %s
  labels: {app: e2e, tier: %s}
spec:
  image: box
  className: e2e
  ttl: 10m
  resources: {cpu: 100m, memory: 32Mi}
  command: [sleep, "3600"]
  operatingMode: %s
  terminationGracePeriodSeconds: 5
`

// TestKubectl drives a running server with the kubectl that everybody has.
func TestKubectl(t *testing.T) {
	t.Parallel()
	f := newFixture(t, shared(t))
	all := f.kubectl()
	demo := file(t, "demo.yaml", fmt.Sprintf(manifest, "demo", "front", "Running"), 0o600)
	all.expect([]string{"containerlease.containerlease.dev/demo created"}, "apply", "-f", demo)
	all.expect([]string{"condition met"}, "wait", "--for=condition=Ready", "--timeout=60s", "containerlease/demo")
	idle := file(t, "idle.yaml", strings.Join([]string{
		fmt.Sprintf(manifest, "idle-1", "back", "Suspended"),
		fmt.Sprintf(manifest, "idle-2", "back", "Suspended"),
		fmt.Sprintf(manifest, "idle-3", "back", "Suspended"),
	}, "---\n"), 0o600)
	all.expect([]string{"idle-1 created", "idle-2 created", "idle-3 created"}, "create", "-f", idle)

	for name, story := range map[string]func(*testing.T, *tool){
		"Apply":           func(t *testing.T, k *tool) { kubectlApply(t, k, demo) },
		"ServerSideApply": kubectlServerSideApply,
		"Create":          kubectlCreate,
		"Get":             kubectlGet,
		"GetChunks":       kubectlGetChunks,
		"GetAllNamespaces": func(t *testing.T, k *tool) {
			k.expect([]string{"NAMESPACE", f.namespace, "demo", "idle-3"}, "get", "leases", "-A")
		},
		"Selectors": kubectlSelectors,
		"Watch":     kubectlWatch,
		"Describe":  kubectlDescribe,
		"Explain":   kubectlExplain,
		"Edit":      kubectlEdit,
		"Patch":     kubectlPatch,
		"Diff":      func(t *testing.T, k *tool) { kubectlDiff(t, k, demo) },
		"DryRun":    kubectlDryRun,
		"Delete":    kubectlDelete,
		"Label":     kubectlLabel,
		"Discovery": kubectlDiscovery,
		"Whoami": func(t *testing.T, k *tool) {
			k.expect([]string{"admin", "system:masters"}, "auth", "whoami")
			k.expect([]string{"yes"}, "auth", "can-i", "create", "containerleases.containerlease.dev")
		},
		"Events": func(t *testing.T, k *tool) {
			k.expect([]string{"containerlease/demo"}, "get", "events")
			k.expect([]string{"demo"}, "events", "--for", "containerlease/demo")
		},
		"Classes": func(t *testing.T, k *tool) {
			k.expect([]string{"standard", testClass}, "get", "leaseclasses")
			k.expect([]string{"ubuntu:22.04", "alpine:3.22", "docker.io/library/ubuntu:*"}, "get", "leaseclass", "standard", "-o", "yaml")
		},
	} {
		t.Run(name, func(t *testing.T) { story(t, all.in(t)) })
	}
}

func kubectlApply(t *testing.T, k *tool, demo string) {
	k.expect([]string{"demo unchanged"}, "apply", "-f", demo)
	k.expect([]string{"demo serverside-applied"}, "apply", "--server-side", "--force-conflicts", "-f", demo)
	if got := k.run("get", "lease", "demo", "-o", "jsonpath={.spec.ttl}"); got != "10m" {
		t.Errorf("ttl is %q after apply, want it as it was written", got)
	}
}

func kubectlServerSideApply(t *testing.T, k *tool) {
	path := file(t, "ssa.yaml", fmt.Sprintf(manifest, "ssa", "front", "Suspended"), 0o600)
	k.expect([]string{"ssa serverside-applied"}, "apply", "--server-side", "--field-manager=one", "-f", path)
	version := k.run("get", "lease", "ssa", "-o", "jsonpath={.metadata.generation}")
	k.expect([]string{"ssa serverside-applied"}, "apply", "--server-side", "--field-manager=one", "-f", path)
	if again := k.run("get", "lease", "ssa", "-o", "jsonpath={.metadata.generation}"); again != version {
		t.Errorf("applying an unchanged manifest made generation %s of %s", again, version)
	}
	other := file(t, "other.yaml", strings.Replace(fmt.Sprintf(manifest, "ssa", "front", "Suspended"), "ttl: 10m", "ttl: 20m", 1), 0o600)
	contains(t, "apply by another manager", k.fail("apply", "--server-side", "--field-manager=two", "-f", other), "conflict", ".spec.ttl", `"one"`)
	k.run("apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", other)
	if got := k.run("get", "lease", "ssa", "-o", "jsonpath={.spec.ttl}"); got != "20m" {
		t.Errorf("ttl is %q, want 20m", got)
	}
}

func kubectlCreate(t *testing.T, k *tool) {
	generated := strings.Replace(fmt.Sprintf(manifest, "x", "front", "Suspended"), "name: x", "generateName: made-", 1)
	out := k.feed(generated, "create", "-f", "-", "-o", "name")
	if !strings.HasPrefix(out, "containerlease.containerlease.dev/made-") {
		t.Errorf("create with generateName printed %q", out)
	}
	path := file(t, "twice.yaml", fmt.Sprintf(manifest, "idle-1", "back", "Suspended"), 0o600)
	contains(t, "creating twice", k.fail("create", "-f", path), "AlreadyExists")
}

func kubectlGet(t *testing.T, k *tool) {
	k.expect([]string{"NAME", "IMAGE", "PHASE", "CPU", "MEMORY", "EXPIRES", "COST", "AGE", "demo", "Running"}, "get", "containerlease", "demo")
	k.expect([]string{"demo", "CLASS", "CONTAINER", testClass}, "get", "cl", "demo", "-o", "wide")
	k.expect([]string{"kind: ContainerLease", "apiVersion: containerlease.dev/v1alpha1", "phase: Running"}, "get", "lease", "demo", "-o", "yaml")
	if got := k.run("get", "lease", "demo", "-o", "jsonpath={.status.container.image}"); got != "localhost/containerlease/test:busybox" {
		t.Errorf("status.container.image is %q", got)
	}
	k.expect([]string{"containerlease.containerlease.dev/demo"}, "get", "all", "-o", "name")
	var table struct {
		Items []v1alpha1.ContainerLease
	}
	if err := json.Unmarshal([]byte(k.run("get", "leases", "-o", "json")), &table); err != nil || len(table.Items) < 4 {
		t.Errorf("get -o json: %v, %d leases", err, len(table.Items))
	}
	contains(t, "get of what is not there", k.fail("get", "lease", "nobody"), "NotFound", `"nobody" not found`)
}

func kubectlGetChunks(t *testing.T, k *tool) {
	out, traffic, err := k.try("", "get", "leases", "-l", "tier=back", "--chunk-size=1", "-o", "name", "-v=8")
	if err != nil {
		t.Fatalf("%v: %s", err, traffic)
	}
	for _, name := range []string{"idle-1", "idle-2", "idle-3"} {
		contains(t, "get by chunks", out, "containerlease.containerlease.dev/"+name)
	}
	if n := strings.Count(traffic, "limit=1"); n < 3 {
		t.Errorf("a list in chunks of 1 took %d requests, want at least 3:\n%s", n, traffic)
	}
}

func kubectlSelectors(t *testing.T, k *tool) {
	names := func(args ...string) []string {
		got := strings.Fields(k.run(append([]string{"get", "leases", "-o", "jsonpath={.items[*].metadata.name}"}, args...)...))
		slices.Sort(got)
		return got
	}
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"Label":        {[]string{"-l", "tier=back"}, []string{"idle-1", "idle-2", "idle-3"}},
		"LabelSet":     {[]string{"-l", "tier notin (front,middle),app"}, []string{"idle-1", "idle-2", "idle-3"}},
		"LabelNothing": {[]string{"-l", "tier=middle"}, nil},
		"FieldName":    {[]string{"--field-selector", "metadata.name=idle-2"}, []string{"idle-2"}},
		"FieldPhase":   {[]string{"--field-selector", "status.phase=Running", "-l", "app=e2e"}, []string{"demo"}},
		"FieldClass":   {[]string{"--field-selector", "spec.className=nothing"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := names(tc.args...); !slices.Equal(got, tc.want) {
				t.Errorf("get %s: %v, want %v", tc.args, got, tc.want)
			}
		})
	}
	contains(t, "an unknown field", k.fail("get", "leases", "--field-selector", "spec.user=x"), "field label not supported")
}

func kubectlWatch(t *testing.T, k *tool) {
	watch := k.start("get", "leases", "-l", "tier=watched", "-w", "--output-watch-events")
	path := file(t, "watched.yaml", fmt.Sprintf(manifest, "watched", "watched", "Running"), 0o600)
	k.run("create", "-f", path)
	watch.until("ADDED")
	watch.until("Running")
	k.run("delete", "-f", path, "--wait=false")
	watch.until("Terminating")
	watch.until("DELETED")
}

func kubectlDescribe(t *testing.T, k *tool) {
	k.expect([]string{
		"Name:", "demo", "Kind:", "ContainerLease", "Spec:", "Ttl:", "10m", "Status:", "Conditions:", "Expiration Time:",
		"Events:", "Normal",
	}, "describe", "lease", "demo")
	contains(t, "describe a class", k.run("describe", "leaseclass", "standard"), "Per CPUHour", "0.04")
}

func kubectlExplain(t *testing.T, k *tool) {
	k.expect([]string{"containerlease.dev", "v1alpha1", "ContainerLease", "asks for one container", "spec", "status"}, "explain", "containerlease")
	k.expect([]string{"how long the container may run"}, "explain", "containerlease.spec.ttl")
	k.expect([]string{"operatingMode", "terminationGracePeriodSeconds", "segments"}, "explain", "containerlease", "--recursive")
	k.expect([]string{"perCPUHour"}, "explain", "leaseclass.spec.pricing")
	k.expect([]string{"billableSeconds"}, "explain", "billingrecord.spec")
}

func kubectlEdit(t *testing.T, k *tool) {
	editor := file(t, "editor", "#!/bin/sh\nexec sed -i 's/ttl: 10m/ttl: 11m/' \"$1\"\n", 0o700)
	out := k.with("EDITOR="+editor).run("edit", "lease", "idle-2")
	contains(t, "edit", out, "idle-2 edited")
	if got := k.run("get", "lease", "idle-2", "-o", "jsonpath={.spec.ttl}"); got != "11m" {
		t.Errorf("ttl is %q after edit, want 11m", got)
	}
}

func kubectlPatch(t *testing.T, k *tool) {
	ttl := func() string { return k.run("get", "lease", "idle-3", "-o", "jsonpath={.spec.ttl}") }
	for _, tc := range []struct{ name, kind, patch, want string }{
		{"Merge", "merge", `{"spec":{"ttl":"12m"}}`, "12m"},
		{"JSON", "json", `[{"op":"test","path":"/spec/ttl","value":"12m"},{"op":"replace","path":"/spec/ttl","value":"13m"}]`, "13m"},
		{"Strategic", "strategic", `{"spec":{"ttl":"14m"}}`, "14m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k.in(t).run("patch", "lease", "idle-3", "--type="+tc.kind, "-p", tc.patch)
			if got := ttl(); got != tc.want {
				t.Errorf("ttl is %q, want %q", got, tc.want)
			}
		})
	}
	contains(t, "a JSON patch whose test fails",
		k.fail("patch", "lease", "idle-3", "--type=json", "-p", `[{"op":"test","path":"/spec/ttl","value":"1h"}]`), "invalid")
	contains(t, "changing what can't be changed",
		k.fail("patch", "lease", "idle-3", "--type=merge", "-p", `{"spec":{"image":"other"}}`), "spec.image", "Invalid")
	// What changes nothing is compared with what is stored, status and all.
	k.expect([]string{"patched (no change)"}, "patch", "lease", "demo", "--type=merge", "-p", "{}")
	// The status belongs to the controllers: a patch of the object doesn't reach it.
	k.run("patch", "lease", "idle-3", "--type=merge", "-p", `{"status":{"phase":"Finished"}}`)
	if phase := k.run("get", "lease", "idle-3", "-o", "jsonpath={.status.phase}"); phase == "Finished" {
		t.Error("a patch of the object changed its status")
	}
}

func kubectlDiff(t *testing.T, k *tool, demo string) {
	if out := k.run("diff", "-f", demo); out != "" {
		t.Errorf("diff of an unchanged manifest:\n%s", out)
	}
	longer := file(t, "longer.yaml", strings.Replace(fmt.Sprintf(manifest, "demo", "front", "Running"), "ttl: 10m", "ttl: 15m", 1), 0o600)
	contains(t, "diff", k.fail("diff", "-f", longer), "-  ttl: 10m", "+  ttl: 15m")
}

func kubectlDryRun(t *testing.T, k *tool) {
	path := file(t, "dry.yaml", fmt.Sprintf(manifest, "dry", "front", "Running"), 0o600)
	k.expect([]string{"dry created (server dry run)"}, "create", "-f", path, "--dry-run=server")
	k.expect([]string{"dry created (server dry run)"}, "apply", "-f", path, "--dry-run=server")
	k.expect([]string{"dry serverside-applied (server dry run)"}, "apply", "--server-side", "-f", path, "--dry-run=server")
	contains(t, "get after a dry run", k.fail("get", "lease", "dry"), "NotFound")
	minimal := "apiVersion: containerlease.dev/v1alpha1\nkind: ContainerLease\nmetadata: {name: dry}\nspec: {image: ubuntu}\n"
	contains(t, "defaults in a dry run", k.feed(minimal, "create", "-f", "-", "--dry-run=server", "-o", "yaml"),
		"className: standard", "ttl: 30m", "cpu: 500m", "memory: 512Mi", "operatingMode: Running")
	contains(t, "a bad lease in a dry run", k.fail("patch", "lease", "idle-1", "--type=merge", "-p", `{"spec":{"ttl":"99h"}}`, "--dry-run=server"), "spec.ttl")
}

func kubectlDelete(t *testing.T, k *tool) {
	path := file(t, "gone.yaml", fmt.Sprintf(manifest, "gone", "front", "Running"), 0o600)
	k.run("create", "-f", path)
	k.run("wait", "--for=condition=Ready", "--timeout=60s", "lease/gone")
	uid := k.run("get", "lease", "gone", "-o", "jsonpath={.metadata.uid}")
	k.expect([]string{`"gone" deleted`}, "delete", "-f", path, "--timeout=60s")
	contains(t, "get after delete", k.fail("get", "lease", "gone"), "NotFound")
	if reason := k.run("get", "billingrecord", uid, "-o", "jsonpath={.spec.finishReason}"); reason != "Deleted" {
		t.Errorf("the record of a deleted lease says %q", reason)
	}
}

func kubectlLabel(t *testing.T, k *tool) {
	k.expect([]string{"labeled"}, "label", "lease", "idle-1", "owner=me")
	k.expect([]string{"annotated"}, "annotate", "lease", "idle-1", "example.com/note=a note")
	k.expect([]string{"idle-1"}, "get", "leases", "-l", "owner=me", "-o", "name")
	if got := k.run("get", "lease", "idle-1", "-o", `jsonpath={.metadata.annotations.example\.com/note}`); got != "a note" {
		t.Errorf("the annotation is %q", got)
	}
	k.run("label", "lease", "idle-1", "owner-")
}

func kubectlDiscovery(t *testing.T, k *tool) {
	out := k.expect([]string{"containerleases", "leaseclasses", "billingrecords", "cl,"}, "api-resources", "--api-group=containerlease.dev")
	for line := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(line, "leaseclasses") && !strings.Contains(line, "false") {
			t.Errorf("classes should not be namespaced: %s", line)
		}
	}
	k.expect([]string{"containerlease.dev/v1alpha1"}, "api-versions")
	k.expect([]string{"Server Version"}, "version")
}
