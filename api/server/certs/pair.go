package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// template is what a leaf certificate has to say.
type template struct {
	commonName, organization string
	usage                    x509.ExtKeyUsage
	names                    []string
	addresses                []net.IP
}

// serves says whether a certificate still does what is wanted of it.
func (p *pair) serves(authority *pair, now time.Time, want template) bool {
	c := p.certificate
	if c.CheckSignatureFrom(authority.certificate) != nil || now.After(c.NotAfter.Add(-renewBefore)) || now.Before(c.NotBefore) {
		return false
	}
	for _, name := range want.names {
		if !slices.Contains(c.DNSNames, name) {
			return false
		}
	}
	for _, address := range want.addresses {
		if !slices.ContainsFunc(c.IPAddresses, address.Equal) {
			return false
		}
	}
	return c.Subject.CommonName == want.commonName
}

func newAuthority(now time.Time) (*pair, error) {
	c := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "containerlease-ca"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	}
	return sign(c, nil, now, authorityLifetime)
}

func newLeaf(authority *pair, now time.Time, want template) (*pair, error) {
	c := &x509.Certificate{
		Subject:     pkix.Name{CommonName: want.commonName},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{want.usage},
		DNSNames:    want.names,
		IPAddresses: want.addresses,
	}
	if want.organization != "" {
		c.Subject.Organization = []string{want.organization}
	}
	return sign(c, authority, now, leafLifetime)
}

// sign completes c and has it signed by the authority, or by itself without one.
func sign(c *x509.Certificate, authority *pair, now time.Time, lifetime time.Duration) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating a key: %w", err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, fmt.Errorf("generating a serial number: %w", err)
	}
	c.NotBefore, c.NotAfter = now.Add(-clockSkew), now.Add(lifetime)
	issuer, signer := c, crypto.Signer(key)
	if authority != nil {
		issuer, signer = authority.certificate, authority.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &pair{parsed, key}, nil
}

// load reads a pair; nil if there is none. What can't be read is an error and not
// replaced: somebody may have put it there.
func (d Directory) load(name string) (*pair, error) {
	loaded, err := tls.LoadX509KeyPair(d.file(name+".crt"), d.file(name+".key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s and its key (remove both to have them made anew): %w", d.file(name+".crt"), err)
	}
	key, ok := loaded.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: cannot sign with a %T", d.file(name+".key"), loaded.PrivateKey)
	}
	return &pair{loaded.Leaf, key}, nil
}

// save writes the key before the certificate: a certificate without its key is what a
// crash must not leave behind.
func (d Directory) save(name string, p *pair) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("encoding the key: %w", err)
	}
	if err := os.Remove(d.file(name + ".crt")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the old certificate: %w", err)
	}
	if err := writeFile(d.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return writeFile(d.file(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw}), 0o644)
}

// writeFile replaces a file at once: readers see the old one or the new one.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	// After the rename there is nothing left to remove.
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
