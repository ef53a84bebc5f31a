package gatewaytest_test

import (
	"net/http"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
)

// TestFixture: the parts work together, from credential to container.
func TestFixture(t *testing.T) {
	f := gatewaytest.New(t, gatewaytest.Options{})
	for name, tc := range map[string]struct {
		credential string
		status     int
	}{
		"Admin":     {f.People.Admin, http.StatusOK},
		"Owner":     {f.People.Owner, http.StatusOK},
		"Other":     {f.People.Other, http.StatusOK},
		"Viewer":    {f.People.Viewer, http.StatusOK},
		"Anonymous": {gatewaytest.Anonymous, http.StatusUnauthorized},
		"Expired":   {f.People.Expired, http.StatusUnauthorized},
		"Revoked":   {f.People.Revoked, http.StatusUnauthorized},
	} {
		if answer := f.Do(http.MethodGet, "/api/session", tc.credential, ""); answer.StatusCode != tc.status {
			t.Errorf("%s: got %d %q, want %d", name, answer.StatusCode, answer.Text, tc.status)
		}
	}

	lease := &v1alpha1.ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "demo"},
		Spec:       v1alpha1.ContainerLeaseSpec{Image: "alpine", TTL: "1m"},
	}
	if err := f.Admin.Create(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	f.AwaitLease(lease.Namespace, lease.Name, "the lease runs", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.Phase == v1alpha1.LeaseRunning
	})
}
