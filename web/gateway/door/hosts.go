package door

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// localhost is the name of this machine for itself.
const localhost = "localhost"

// hosts are the names that the gateway answers to. A page whose own name its owner points at
// our address (DNS rebinding) is of our origin, as far as a browser can tell; the name it
// asks for gives it away. An address is no name, and can't be pointed elsewhere.
type hosts struct {
	exact map[string]bool
	// under are suffixes with their dot: ".leases.example".
	under []string
}

func newHosts(address string, external *url.URL, allowed []string) (hosts, error) {
	h := hosts{exact: map[string]bool{localhost: true}}
	if own := hostname(address); own != "" {
		h.exact[own] = true
	}
	if external != nil {
		h.exact[hostname(external.Host)] = true
	}
	for _, pattern := range allowed {
		if err := ValidateHost(pattern); err != nil {
			return hosts{}, fmt.Errorf("allowed-hosts: %w", err)
		}
		if suffix, ok := strings.CutPrefix(hostname(pattern), "*"); ok {
			h.under = append(h.under, suffix)
		} else {
			h.exact[hostname(pattern)] = true
		}
	}
	return h, nil
}

// ValidateHost says what is wrong with one of Config.AllowedHosts.
func ValidateHost(pattern string) error {
	name := strings.TrimSuffix(strings.ToLower(pattern), ".")
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	if len(validation.IsDNS1123Subdomain(strings.TrimPrefix(name, "*."))) > 0 {
		return fmt.Errorf("%q: must be a host name, such as leases.example, or *. and one, without a port", pattern)
	}
	return nil
}

// hostname is the name in HOST[:PORT], in the form in which names compare.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// allows says whether the gateway answers to the Host of a request.
func (h hosts) allows(host string) bool {
	name := hostname(host)
	if _, err := netip.ParseAddr(name); err == nil || h.exact[name] {
		return true
	}
	for _, suffix := range h.under {
		if below, ok := strings.CutSuffix(name, suffix); ok && below != "" {
			return true
		}
	}
	return false
}

// Hosts refuses requests that are addressed to somebody else.
func (d *Door) Hosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.hosts.allows(r.Host) {
			d.refuse(w, r, problem.Misdirected.With(fmt.Sprintf("the request is for host %q, which is none of this server's names; "+
				"if it should be one, add it by --allowed-hosts, or by --external-url", r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}
