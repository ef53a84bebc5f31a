// Package certs makes and renews the certificates of a server that nobody gave any: an
// authority of its own, the API's serving certificate and the administrator's client
// certificate, all in one directory.
package certs

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Lifetimes. A certificate is renewed once less than renewBefore is left of it; the
// authority outlives them.
const (
	authorityLifetime = 10 * 365 * 24 * time.Hour
	leafLifetime      = 365 * 24 * time.Hour
	renewBefore       = 60 * 24 * time.Hour
	// clockSkew is how far behind the clock of a client may be.
	clockSkew = 5 * time.Minute
)

// Who the administrator's certificate speaks for.
const (
	adminUser  = "admin"
	adminGroup = "system:masters"
)

// Directory holds the certificates and keys, as PEM files: ca, server and admin, each
// .crt and .key.
type Directory string

// CAFile is the certificate of the authority.
func (d Directory) CAFile() string { return d.file("ca.crt") }

// ServingFiles are the API's certificate and key.
func (d Directory) ServingFiles() (cert, key string) {
	return d.file("server.crt"), d.file("server.key")
}

func (d Directory) file(name string) string { return filepath.Join(string(d), name) }

// Ensure makes what is missing and renews what ends soon, doesn't speak for all hosts,
// or isn't the authority's. localhost and the loopback addresses are always among the
// hosts; others are host names or IP addresses. Only the owner can read the keys.
// Idempotent, but not safe for two processes at once.
func (d Directory) Ensure(hosts []string, now time.Time) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("making the directory for certificates: %w", err)
	}
	authority, err := d.ensureAuthority(now)
	if err != nil {
		return fmt.Errorf("certificate authority: %w", err)
	}
	names, addresses := split(hosts)
	if err := d.ensureLeaf("server", authority, now, template{
		commonName: "containerlease-api", usage: x509.ExtKeyUsageServerAuth, names: names, addresses: addresses,
	}); err != nil {
		return fmt.Errorf("serving certificate: %w", err)
	}
	if err := d.ensureLeaf("admin", authority, now, template{
		commonName: adminUser, organization: adminGroup, usage: x509.ExtKeyUsageClientAuth,
	}); err != nil {
		return fmt.Errorf("administrator's certificate: %w", err)
	}
	return nil
}

// split sorts hosts into names and addresses, with the loopback ones first.
func split(hosts []string) ([]string, []net.IP) {
	names := []string{"localhost"}
	addresses := []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	for _, host := range hosts {
		ip := net.ParseIP(host)
		switch {
		case ip == nil && host != "" && !slices.Contains(names, host):
			names = append(names, host)
		case ip != nil && !ip.IsUnspecified() && !slices.ContainsFunc(addresses, ip.Equal):
			addresses = append(addresses, ip)
		}
	}
	return names, addresses
}

func (d Directory) ensureAuthority(now time.Time) (*pair, error) {
	existing, err := d.load("ca")
	if err != nil {
		return nil, err
	}
	if existing != nil && now.Before(existing.certificate.NotAfter.Add(-renewBefore)) {
		return existing, nil
	}
	made, err := newAuthority(now)
	if err != nil {
		return nil, err
	}
	return made, d.save("ca", made)
}

func (d Directory) ensureLeaf(name string, authority *pair, now time.Time, want template) error {
	existing, err := d.load(name)
	if err != nil {
		return err
	}
	if existing != nil && existing.serves(authority, now, want) {
		return nil
	}
	made, err := newLeaf(authority, now, want)
	if err != nil {
		return err
	}
	return d.save(name, made)
}
