package certs

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ensure(t *testing.T, d Directory, at time.Time, hosts ...string) {
	t.Helper()
	if err := d.Ensure(hosts, at); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, d Directory) map[string]string {
	t.Helper()
	files, err := filepath.Glob(d.file("*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(data)
	}
	return all
}

func verify(t *testing.T, d Directory, name string, at time.Time, options x509.VerifyOptions) *x509.Certificate {
	t.Helper()
	leaf, err := d.load(name)
	if err != nil || leaf == nil {
		t.Fatalf("loading %s: %v", name, err)
	}
	authority, err := d.load("ca")
	if err != nil {
		t.Fatal(err)
	}
	options.Roots, options.CurrentTime = x509.NewCertPool(), at
	options.Roots.AddCert(authority.certificate)
	if _, err := leaf.certificate.Verify(options); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return leaf.certificate
}

func TestEnsure(t *testing.T) {
	d := Directory(filepath.Join(t.TempDir(), "pki"))
	ensure(t, d, now, "lease.example.com", "192.0.2.7", "0.0.0.0", "")
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "lease.example.com", "192.0.2.7"} {
		verify(t, d, "server", now, x509.VerifyOptions{DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	}
	admin := verify(t, d, "admin", now, x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if admin.Subject.CommonName != "admin" || !cmp.Equal(admin.Subject.Organization, []string{"system:masters"}) {
		t.Errorf("the administrator is %v", admin.Subject)
	}
	for _, key := range []string{"ca.key", "server.key", "admin.key"} {
		if info, err := os.Stat(d.file(key)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", key, info.Mode(), err)
		}
	}
}

func TestRenewal(t *testing.T) {
	for name, tc := range map[string]struct {
		later  time.Duration
		hosts  []string
		damage func(*testing.T, Directory)
		want   []string // what is replaced
	}{
		"Unchanged":   {later: 24 * time.Hour, hosts: []string{"a.example"}},
		"FewerHosts":  {later: 24 * time.Hour},
		"AnotherHost": {hosts: []string{"a.example", "b.example"}, want: []string{"server.crt", "server.key"}},
		"NearTheEnd":  {later: leafLifetime - renewBefore + time.Hour, hosts: []string{"a.example"}, want: []string{"admin.crt", "admin.key", "server.crt", "server.key"}},
		"AuthorityNearItsEnd": {later: authorityLifetime - renewBefore + time.Hour, hosts: []string{"a.example"},
			want: []string{"admin.crt", "admin.key", "ca.crt", "ca.key", "server.crt", "server.key"}},
		"CertificateLost": {hosts: []string{"a.example"}, want: []string{"admin.crt", "admin.key"},
			damage: func(t *testing.T, d Directory) {
				if err := os.Remove(d.file("admin.crt")); err != nil {
					t.Fatal(err)
				}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Directory(t.TempDir())
			ensure(t, d, now, "a.example")
			before := contents(t, d)
			if tc.damage != nil {
				tc.damage(t, d)
			}
			ensure(t, d, now.Add(tc.later), tc.hosts...)
			var replaced []string
			for _, file := range []string{"admin.crt", "admin.key", "ca.crt", "ca.key", "server.crt", "server.key"} {
				if contents(t, d)[file] != before[file] {
					replaced = append(replaced, file)
				}
			}
			if diff := cmp.Diff(tc.want, replaced); diff != "" {
				t.Errorf("replaced: -want +got\n%s", diff)
			}
			verify(t, d, "server", now.Add(tc.later), x509.VerifyOptions{DNSName: "localhost"})
		})
	}
}

func TestWhatCannotBeReadIsNotReplaced(t *testing.T) {
	d := Directory(t.TempDir())
	ensure(t, d, now)
	if err := os.WriteFile(d.file("ca.key"), []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(nil, now); err == nil {
		t.Error("a broken key went unnoticed")
	}
	if got := contents(t, d)["ca.key"]; got != "not a key" {
		t.Errorf("the key was replaced by %q", got)
	}
}

func TestWriteKubeconfig(t *testing.T) {
	d := Directory(t.TempDir())
	ensure(t, d, now)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.WriteKubeconfig(path, "https://127.0.0.1:8443"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://127.0.0.1:8443" || len(config.CAData) == 0 || len(config.CertData) == 0 || len(config.KeyData) == 0 {
		t.Errorf("got host %q", config.Host)
	}
}
