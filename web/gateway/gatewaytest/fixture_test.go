package gatewaytest_test

import (
	"net/http"
	"testing"

	"github.com/containerlease/containerlease/reconciler/driver/fake"
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

	if lease := f.Run(gatewaytest.OwnerUser, "demo"); f.Engine.CallsOf(fake.OpStart) == nil {
		t.Errorf("lease %s runs without a container", lease.Name)
	}
}
