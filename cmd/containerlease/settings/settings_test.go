package settings

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// load reads settings the way the server does.
func load(t *testing.T, file string, env map[string]string, args ...string) (Settings, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s := portable()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	s.AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	if err := Load(fs, path, lookup); err != nil {
		return s, err
	}
	return s, s.Validate()
}

func TestLoad(t *testing.T) {
	with := func(change func(*Settings)) Settings {
		s := portable()
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		reason string
		file   string
		env    map[string]string
		args   []string
		want   Settings
	}{
		"Nothing": {
			reason: "an empty file changes nothing",
			want:   portable(),
		},
		"File": {
			reason: "the file overrides the defaults, with YAML's own types",
			file:   "apiAddress: 0.0.0.0:443\nmaxConcurrentCreates: 8\ntlsSans: [a.example, 10.0.0.1]\ncleanupInterval: 90s\nredisUrl:\n",
			want: with(func(s *Settings) {
				s.APIAddress, s.MaxConcurrentCreates, s.CleanupInterval = "0.0.0.0:443", 8, 90*time.Second
				s.TLSSANs = []string{"a.example", "10.0.0.1"}
			}),
		},
		"EnvironmentOverFile": {
			reason: "the environment overrides the file, and the port keeps the file's host",
			file:   "address: 0.0.0.0:9000\ncleanupInterval: 90s\nlogLevel: debug\n",
			env:    map[string]string{"SERVER_PORT": "9001", "CLEANUP_INTERVAL_MINUTES": "5", "CONTAINERLEASE_LOG_LEVEL": "warn", "REDIS_URL": "redis://r:1", "DOCKER_HOST": "tcp://d:2"},
			want: with(func(s *Settings) {
				s.Address, s.CleanupInterval, s.LogLevel = "0.0.0.0:9001", 5*time.Minute, "warn"
				s.RedisURL, s.DockerHost = "redis://r:1", "tcp://d:2"
			}),
		},
		"FlagsOverAll": {
			reason: "the command line overrides the rest",
			file:   "address: 0.0.0.0:9000\n",
			env:    map[string]string{"SERVER_PORT": "9001", "CONTAINERLEASE_ADDRESS": "127.0.0.1:9002"},
			args:   []string{"--address=127.0.0.1:9003"},
			want:   with(func(s *Settings) { s.Address = "127.0.0.1:9003" }),
		},
		"Issuer": {
			reason: "an issuer and a client are enough, and scopes replace the default ones",
			env:    map[string]string{"CONTAINERLEASE_OIDC_SCOPES": "openid,groups"},
			args:   issuer,
			want: with(func(s *Settings) {
				s.OIDCIssuerURL, s.OIDCClientID, s.AuthenticationConfig = "https://login.example.com", "x", "a.yaml"
				s.OIDCScopes = []string{"openid", "groups"}
			}),
		},
		"ListOverList": {
			reason: "a list of the environment takes the place of the file's, and does not add to it",
			file:   "allowedHosts: [a.example]\n",
			env:    map[string]string{"CONTAINERLEASE_ALLOWED_HOSTS": "b.example,c.example"},
			want:   with(func(s *Settings) { s.AllowedHosts = []string{"b.example", "c.example"} }),
		},
		"OwnVariableOverAlias": {
			reason: "the variable named after the product overrides the well-known one",
			env:    map[string]string{"REDIS_URL": "redis://a:1", "CONTAINERLEASE_REDIS_URL": "redis://b:1"},
			want:   with(func(s *Settings) { s.RedisURL = "redis://b:1" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(t, tc.file, tc.env, tc.args...)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// issuer is all that it takes to sign in at one.
var issuer = []string{"--oidc-issuer-url=https://login.example.com", "--oidc-client-id=x", "--authentication-config=a.yaml"}

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		file string
		env  map[string]string
		args []string
		want []string
	}{
		"UnknownKey":       {file: "adress: x:1\n", want: []string{`unknown key "adress"`, "address, allowedHosts"}},
		"NotYAML":          {file: "a: [\n", want: []string{"config.yaml"}},
		"DuplicateKey":     {file: "logLevel: info\nlogLevel: warn\n", want: []string{"logLevel"}},
		"BadValueInFile":   {file: "logLevel: loud\n", want: []string{"logLevel", "loud", "must be one of debug, info, warn, error"}},
		"AllAtOnce":        {file: "logLevel: loud\nlogFormat: xml\n", want: []string{"logLevel", "logFormat"}},
		"BadEnvironment":   {env: map[string]string{"CLEANUP_INTERVAL_MINUTES": "often"}, want: []string{`CLEANUP_INTERVAL_MINUTES="often"`, "whole number of minutes"}},
		"PortTooLarge":     {env: map[string]string{"SERVER_PORT": "70000"}, want: []string{"SERVER_PORT", "1 to 65535"}},
		"NegativeInterval": {args: []string{"--cleanup-interval=-1m"}, want: []string{"cleanup-interval", "above zero"}},
		"CertificateAlone": {args: []string{"--tls-cert-file=tls.crt"}, want: []string{"tls-key-file", "both"}},
		"ExternalURLPath":  {args: []string{"--external-url=https://leases.example/x"}, want: []string{"external-url", "https://leases.example/x"}},
		"AllowedHostPort":  {args: []string{"--allowed-hosts=leases.example:8080"}, want: []string{"allowed-hosts", "without a port"}},
		"AnyOrigin":        {args: []string{"--allowed-origins=*"}, want: []string{"allowed-origins", `"*"`}},
		"NoRate":           {args: []string{"--rate-limit=0"}, want: []string{"rate-limit", "1 to 1000000"}},
		"ClientAlone":      {args: []string{"--oidc-client-id=x"}, want: []string{"oidc-client-id", "--oidc-issuer-url"}},
		"SecretAlone":      {args: []string{"--oidc-client-secret-file=x"}, want: []string{"oidc-client-secret-file", "--oidc-issuer-url"}},
		"NameAlone":        {args: []string{"--oidc-name=Acme"}, want: []string{"oidc-name", "--oidc-issuer-url"}},
		"IssuerAlone":      {args: []string{"--oidc-issuer-url=https://login.example.com"}, want: []string{"oidc-client-id", "--oidc-issuer-url"}},
		"IssuerUnknown":    {args: []string{"--oidc-issuer-url=https://login.example.com", "--oidc-client-id=x"}, want: []string{"oidc-issuer-url", "--authentication-config"}},
		"IssuerByHTTP":     {args: []string{"--oidc-issuer-url=http://login.example.com"}, want: []string{"oidc-issuer-url", "https://login.example.com"}},
		"IssuerNoURL":      {args: []string{"--oidc-issuer-url=login.example.com"}, want: []string{"oidc-issuer-url", "https://login.example.com"}},
		"IssuerQuery":      {args: []string{"--oidc-issuer-url=https://login.example.com?a=b"}, want: []string{"oidc-issuer-url", "?a=b"}},
		"NoOpenIDScope":    {args: append(issuer, "--oidc-scopes=email"), want: []string{"oidc-scopes", "openid"}},
		"ScopesBySpace":    {args: append(issuer, "--oidc-scopes=openid,profile email"), want: []string{"oidc-scopes", "commas"}},
		"AddressNoPort":    {args: []string{"--api-address=localhost"}, want: []string{"api-address", "HOST:PORT"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tc.file, tc.env, tc.args...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
}

func TestDocumentsHoldTheDefaults(t *testing.T) {
	var file bytes.Buffer
	if err := WriteYAML(&file); err != nil {
		t.Fatal(err)
	}
	got, err := load(t, file.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := portable()
	want.TLSSANs, want.AllowedHosts, want.AllowedOrigins = []string{}, []string{}, []string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the documented file is not the default (-want +got):\n%s", diff)
	}
}
