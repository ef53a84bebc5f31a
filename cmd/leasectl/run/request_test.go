package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

func here(name string) (string, bool) {
	value, ok := map[string]string{"HOME": "/home/me", "EMPTY": ""}[name]
	return value, ok
}

func TestRequestLease(t *testing.T) {
	cpu, memory := resource.MustParse("500m"), resource.MustParse("1Gi")
	tests := map[string]struct {
		request request
		want    v1alpha1.ContainerLease
	}{
		"Bare": {
			request{image: "ubuntu"},
			v1alpha1.ContainerLease{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", GenerateName: "ubuntu-"},
				Spec:       v1alpha1.ContainerLeaseSpec{Image: "ubuntu"},
			},
		},
		"Full": {
			request{
				image: "alpine:3", name: "demo", class: "big", ttl: "1h30m", cpu: "500m", memory: "1Gi",
				command: []string{"sh", "-c", "x"}, labels: map[string]string{"a": "b"},
				env:   []string{"A=1", "B=x=y", "HOME", "EMPTY", "A=2"},
				ports: []string{"8080", "53/udp", "53/TCP"},
				user:  "1000:1000", workingDir: "/srv", tty: true,
			},
			v1alpha1.ContainerLease{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo", Labels: map[string]string{"a": "b"}},
				Spec: v1alpha1.ContainerLeaseSpec{
					Image: "alpine:3", ClassName: "big", TTL: "1h30m",
					Resources: v1alpha1.ResourceLimits{CPU: &cpu, Memory: &memory},
					Command:   []string{"sh", "-c", "x"},
					Env: []v1alpha1.EnvVar{
						{Name: "A", Value: "2"}, {Name: "B", Value: "x=y"}, {Name: "HOME", Value: "/home/me"}, {Name: "EMPTY"},
					},
					Ports: []v1alpha1.ContainerPort{
						{ContainerPort: 8080, Protocol: "TCP"}, {ContainerPort: 53, Protocol: "UDP"}, {ContainerPort: 53, Protocol: "TCP"},
					},
					User: "1000:1000", WorkingDir: "/srv", TTY: true,
				},
			},
		},
		"ArgumentsForTheEntrypoint": {
			request{image: "ubuntu", name: "demo", command: []string{"-v"}, args: true},
			v1alpha1.ContainerLease{
				ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "demo"},
				Spec:       v1alpha1.ContainerLeaseSpec{Image: "ubuntu", Args: []string{"-v"}},
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tc.request.lease("ns", here)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tc.want, got); diff != "" {
				t.Errorf("lease (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestLeaseRefuses(t *testing.T) {
	tests := map[string]request{
		"BadTTL":          {ttl: "-5m"},
		"BadCPU":          {cpu: "half"},
		"BadMemory":       {memory: "1 GB"},
		"NamelessEnv":     {env: []string{"=x"}},
		"UnsetEnv":        {env: []string{"NOT_SET_HERE"}},
		"PortZero":        {ports: []string{"0"}},
		"PortTooHigh":     {ports: []string{"65536"}},
		"PortMapping":     {ports: []string{"8080:80"}},
		"UnknownProtocol": {ports: []string{"80/sctp"}},
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			if lease, err := request.lease("ns", here); err == nil {
				t.Errorf("accepted: %+v", lease.Spec)
			}
		})
	}
}

func TestGenerateName(t *testing.T) {
	tests := map[string]struct{ image, want string }{
		"CatalogName":       {"ubuntu", "ubuntu-"},
		"Tag":               {"alpine:3.22", "alpine-"},
		"RegistryAndPort":   {"localhost:5000/team/App_1:v2", "app-1-"},
		"Digest":            {"ghcr.io/a/b@sha256:0123", "b-"},
		"NothingUsable":     {"___", "lease-"},
		"Empty":             {"", "lease-"},
		"Long":              {"registry/" + "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij-"},
		"LetterBeyondASCII": {"éa", "a-"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := generateName(tc.image); got != tc.want {
				t.Errorf("generateName(%q) = %q, want %q", tc.image, got, tc.want)
			}
		})
	}
}
