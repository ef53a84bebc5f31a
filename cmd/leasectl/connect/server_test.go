package connect

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// explained returns flags as leasectl has them, without any kubeconfig.
func explained(t *testing.T) *genericclioptions.ConfigFlags {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("NO_PROXY", "127.0.0.1")
	flags := genericclioptions.NewConfigFlags(false)
	Explain(flags, machine(0, "/root", nil), rest.NoWarnings{})
	return flags
}

// closedPort is an address of this machine where nothing listens.
func closedPort(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestExplainDefaultsToTheLocalServer(t *testing.T) {
	config, err := explained(t).ToRESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != DefaultServer {
		t.Errorf("host = %q, want %q", config.Host, DefaultServer)
	}
}

func TestExplainLeavesAGivenServer(t *testing.T) {
	flags := explained(t)
	// The library's own default, but given.
	given := "http://localhost:8080"
	flags.APIServer = &given
	config, err := flags.ToRESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != given {
		t.Errorf("host = %q, want %q", config.Host, given)
	}
}

func TestExplainNothingListens(t *testing.T) {
	flags := explained(t)
	server := "http://" + closedPort(t)
	flags.APIServer = &server
	c, err := Client(flags)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "x"}, &v1alpha1.ContainerLease{})
	var none *NoServerError
	if !errors.As(err, &none) || none.Server != server {
		t.Fatalf("error = %v, want NoServerError of %s", err, server)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the cause is lost: %v", err)
	}
	if want := "no server at " + server + ": start one with `containerlease serve`"; none.Error() != want {
		t.Errorf("text = %q, want %q", none, want)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestExplainWithoutKubeconfig(t *testing.T) {
	untrusted := errors.New("certificate signed by unknown authority")
	request := httptest.NewRequest(http.MethodGet, DefaultServer+"/version", nil)
	transport := &explainingTransport{next: failing{untrusted}, unconfigured: true, machine: machine(0, "/root", nil)}
	_, err := transport.RoundTrip(request)
	if !errors.Is(err, untrusted) || !strings.Contains(err.Error(), "looked at /var/lib/containerlease/kubeconfig") {
		t.Errorf("error = %v, want where a kubeconfig was looked for, and the cause", err)
	}

	transport.unconfigured = false
	if _, err := transport.RoundTrip(request); !errors.Is(err, untrusted) || err.Error() != untrusted.Error() {
		t.Errorf("with a kubeconfig: error = %v, want it untouched", err)
	}
}

func TestExplainRefusedElsewhere(t *testing.T) {
	transport := &explainingTransport{next: failing{syscall.ECONNREFUSED}}
	_, err := transport.RoundTrip(httptest.NewRequest(http.MethodGet, "https://leases.example.com/version", nil))
	if !errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, new(*NoServerError)) {
		t.Errorf("error = %v: nobody can start that server from here", err)
	}
}

func TestMapperKnowsEachKind(t *testing.T) {
	for kind, resource := range map[string]string{
		"ContainerLease": "containerleases", "LeaseClass": "leaseclasses", "BillingRecord": "billingrecords",
	} {
		mapping, err := mapper().RESTMapping(schema.GroupKind{Group: v1alpha1.GroupName, Kind: kind}, "v1alpha1")
		if err != nil || mapping.Resource.Resource != resource {
			t.Errorf("%s: %v, %v, want %s", kind, mapping, err, resource)
		}
	}
}
