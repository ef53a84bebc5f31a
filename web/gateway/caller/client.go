package caller

import (
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// auditIDHeader makes the API's audit lines bear the ID of the gateway's request.
const auditIDHeader = "Audit-ID"

// forwardedForHeader makes them bear the address of the gateway's client.
const forwardedForHeader = "X-Forwarded-For"

// Transport is the way to the API: it gives each request the credential of the caller in its
// context, and refuses one without a caller.
type Transport struct{ next http.RoundTripper }

// NewTransport returns a transport that goes on through next.
func NewTransport(next http.RoundTripper) *Transport { return &Transport{next} }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c, ok := From(req.Context())
	if !ok {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("%s %s: nobody is signed in: %w", req.Method, req.URL.Path, ErrUnauthenticated)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+c.Credential)
	if c.Address != "" {
		req.Header.Set(forwardedForHeader, c.Address)
	}
	if id := requestid.From(req.Context()); id != "" {
		req.Header.Set(auditIDHeader, id)
	}
	return t.next.RoundTrip(req)
}

// NewClient returns a client of the API. What it may do is what the caller in the context of
// each call may do; without one, each call fails.
func NewClient(transport *Transport) (client.WithWatch, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme, eventsv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("registering the gateway's types: %w", err)
		}
	}
	// The kinds are known: asking discovery would take a caller.
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind("ContainerLease"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind("BillingRecord"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.SchemeGroupVersion.WithKind("LeaseClass"), meta.RESTScopeRoot)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("Namespace"), meta.RESTScopeRoot)
	mapper.Add(eventsv1.SchemeGroupVersion.WithKind("Event"), meta.RESTScopeNamespace)
	config := &rest.Config{Host: "http://in-process", Transport: transport, QPS: -1, UserAgent: "containerlease-gateway"}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme, Mapper: mapper})
	if err != nil {
		return nil, fmt.Errorf("making the gateway's client: %w", err)
	}
	return c, nil
}
