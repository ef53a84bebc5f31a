package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// bareSystem in the environment marks the process that sees no certificates of the system.
const bareSystem = "CONTAINERLEASE_TEST_BARE_SYSTEM"

// TestCertificateAuthorities runs itself once more: a process reads the system's
// certificates as it starts, before a test could hide them.
func TestCertificateAuthorities(t *testing.T) {
	if os.Getenv(bareSystem) == "" {
		nothing := filepath.Join(t.TempDir(), "nothing")
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCertificateAuthorities$")
		again.Env = append(os.Environ(), bareSystem+"=1", "SSL_CERT_FILE="+nothing, "SSL_CERT_DIR="+nothing)
		if out, err := again.CombinedOutput(); err != nil {
			t.Fatalf("without certificates of the system: %v\n%s", err, out)
		}
		return
	}
	trusted := 0
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		// Whom the system trusts is what clients go by that are told nothing else.
		if _, err := certificate.Verify(x509.VerifyOptions{
			CurrentTime: certificate.NotBefore.AddDate(1, 0, 0),
			KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		}); err == nil {
			trusted++
		}
	}
	if trusted < 50 {
		t.Errorf("%d public authorities are trusted, want dozens", trusted)
	}
}
