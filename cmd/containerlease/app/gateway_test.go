package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerlease/containerlease/api/server/tokens"
	"github.com/containerlease/containerlease/cmd/containerlease/settings"
	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/door"
)

const patience = 20 * time.Second

// writePair makes a certificate for 127.0.0.1 with this name, and returns what trusts it.
func writePair(t *testing.T, certFile, keyFile, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, data := range map[string][]byte{
		keyFile:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
		certFile: certificate,
	} {
		if err := os.WriteFile(file+".new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return pool
}

// nobody knows no credential.
type nobody struct{ caller.Identities }

func (nobody) Identify(context.Context, string) (caller.Identity, error) {
	return caller.Identity{}, caller.ErrUnauthenticated
}

// TestGatewayByHTTPS: the files are read, and read again when they are replaced.
func TestGatewayByHTTPS(t *testing.T) {
	directory := t.TempDir()
	s := settings.Default()
	s.TLSCertFile, s.TLSKeyFile = filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")
	first := writePair(t, s.TLSCertFile, s.TLSKeyFile, "first")
	certificate, err := gatewayCertificate(s)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{
		API:  http.NewFileTransport(http.Dir(directory)), // never asked
		Door: door.Config{Identities: nobody{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := gatewayURL(s, listener.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serveGateway(ctx, listener, certificate, g, patience) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	get := func(trusted *x509.CertPool) (*http.Response, error) {
		client := &http.Client{Timeout: patience, Transport: &http.Transport{
			DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusted},
		}}
		response, err := client.Get(url + "/healthz")
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	response, err := get(first)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("got %d %v", response.StatusCode, response.Header)
	}

	second := writePair(t, s.TLSCertFile, s.TLSKeyFile, "second")
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err = get(second); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the replaced files are not noticed: %v", err)
		}
	}
	if _, err := get(first); err == nil {
		t.Error("the first certificate is still shown")
	}
}

func TestGatewayCertificateRefused(t *testing.T) {
	directory := t.TempDir()
	file := func(name string) string { return filepath.Join(directory, name) }
	writePair(t, file("a.crt"), file("a.key"), "a")
	writePair(t, file("b.crt"), file("b.key"), "b")
	for name, tc := range map[string]struct{ cert, key, want string }{
		"Missing":  {"none.crt", "a.key", "no such file"},
		"NoKey":    {"a.crt", "none.key", "no such file"},
		"NoPair":   {"a.crt", "b.key", "does not match"},
		"Swapped":  {"a.key", "a.crt", "switched"},
		"NoFiles":  {".", ".", "directory"},
		"Complete": {"a.crt", "a.key", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gatewayCertificate(settings.Settings{TLSCertFile: file(tc.cert), TLSKeyFile: file(tc.key)})
			if tc.want == "" && err != nil {
				t.Error(err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "--tls-cert-file")) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if certificate, err := gatewayCertificate(settings.Settings{}); certificate != nil || err != nil {
		t.Errorf("without files: %v, %v", certificate, err)
	}
}

// TestAnnounce: what is printed leads in, once.
func TestAnnounce(t *testing.T) {
	s := settings.Default()
	s.DataDir = t.TempDir()
	store, err := tokens.Open(s.DataDir, tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	api, web := &net.TCPAddr{IP: net.IPv6unspecified, Port: 8443}, &net.TCPAddr{IP: net.IPv4zero, Port: 8080}
	for name, tc := range map[string]struct{ external, want string }{
		"ByAddress":  {"", "http://127.0.0.1:8080"},
		"ByExternal": {"https://leases.example", "https://leases.example"},
	} {
		t.Run(name, func(t *testing.T) {
			s.ExternalURL = tc.external
			var out strings.Builder
			if err := announce(t.Context(), &out, s, store, api, web); err != nil {
				t.Fatal(err)
			}
			_, after, found := strings.Cut(out.String(), tc.want+"/signin?token=")
			secret, _, _ := strings.Cut(after, "\n")
			if !found || !strings.Contains(out.String(), "https://127.0.0.1:8443") {
				t.Fatalf("no link in %s", out.String())
			}
			session, _, err := store.SignIn(t.Context(), secret)
			if err != nil {
				t.Fatal(err)
			}
			if entry, err := store.Lookup(session); err != nil || entry.User != "admin" {
				t.Errorf("signed in as %+v, %v", entry, err)
			}
			if _, _, err := store.SignIn(t.Context(), secret); !errors.Is(err, tokens.ErrInvalid) {
				t.Errorf("a second time: %v", err)
			}
			if saved, err := savedGatewayURL(s.DataDir); err != nil || saved != tc.want {
				t.Errorf("kept %q, %v", saved, err)
			}
		})
	}
}
