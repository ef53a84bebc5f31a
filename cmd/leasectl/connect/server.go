package connect

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// DefaultServer is where a server listens unless told otherwise.
const DefaultServer = "https://127.0.0.1:8443"

// Explain makes the clients of flags address the default local server when no
// kubeconfig says otherwise, and say what to do when nothing answers. Server warnings
// go to warnings.
func Explain(flags *genericclioptions.ConfigFlags, machine Machine, warnings rest.WarningHandler) {
	flags.WithWrapConfigFn(func(config *rest.Config) *rest.Config {
		config.WarningHandler = warnings
		unconfigured := config.Host == clientcmd.ClusterDefaults.Server && hasNoCluster(flags)
		if unconfigured {
			// The library's own default, http://localhost:8080, is not ours: what listens
			// there would answer something else.
			config.Host = DefaultServer
		}
		config.Wrap(func(next http.RoundTripper) http.RoundTripper {
			return &explainingTransport{next: next, unconfigured: unconfigured, machine: machine}
		})
		return config
	})
}

func hasNoCluster(flags *genericclioptions.ConfigFlags) bool {
	if flags.APIServer != nil && *flags.APIServer != "" {
		return false
	}
	raw, err := flags.ToRawKubeConfigLoader().RawConfig()
	return err == nil && len(raw.Clusters) == 0
}

// explainingTransport turns the failure to reach a server into a sentence that says
// what to do about it.
type explainingTransport struct {
	next         http.RoundTripper
	unconfigured bool
	machine      Machine
}

var _ http.RoundTripper = &explainingTransport{}

// RoundTrip implements http.RoundTripper.
func (t *explainingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err == nil {
		return response, nil
	}
	server := request.URL.Scheme + "://" + request.URL.Host
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && isLoopback(request.URL):
		return nil, &NoServerError{Server: server, cause: err}
	case t.unconfigured && request.Context().Err() == nil:
		return nil, fmt.Errorf("%s answers, but no kubeconfig says how to talk to it: looked at %s: %w",
			server, strings.Join(t.machine.Candidates(), ", "), err)
	}
	return nil, err
}

// WrappedRoundTripper lets the client library cancel requests of the transport beneath.
func (t *explainingTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// NoServerError says that nothing listens where a server on this machine should be.
type NoServerError struct {
	// Server is its address, such as "https://127.0.0.1:8443".
	Server string
	cause  error
}

// Error leaves the cause out: the library rewrites a text that says "connection refused".
func (e *NoServerError) Error() string {
	return fmt.Sprintf("no server at %s: start one with `containerlease serve`", e.Server)
}

// Unwrap returns the failure of the dial.
func (e *NoServerError) Unwrap() error { return e.cause }

func isLoopback(address *url.URL) bool {
	host := address.Hostname()
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
