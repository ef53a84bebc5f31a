package door

import (
	"net/url"
	"testing"
)

func TestHosts(t *testing.T) {
	external, err := url.Parse("https://leases.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHosts("gateway.internal:8080", external, []string{"Other.Example.", "*.below.example", "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, host string
		want       bool
	}{
		{"Localhost", "localhost", true},
		{"LocalhostPort", "localhost:8080", true},
		{"LocalhostUpperCase", "LocalHost:8080", true},
		{"LocalhostTrailingDot", "localhost.:8080", true},
		{"IPv4", "192.0.2.7:8080", true},
		{"IPv4Bare", "127.0.0.1", true},
		{"IPv6", "[::1]:8080", true},
		{"IPv6Bare", "[2001:db8::1]", true},
		{"IPv6Zone", "[fe80::1%25eth0]:8080", true},
		{"Address", "gateway.internal:8080", true},
		{"AddressOtherPort", "gateway.internal:80", true},
		{"ExternalURL", "leases.example", true},
		{"AllowedUpperCase", "OTHER.example:1", true},
		{"AllowedTrailingDot", "other.example.", true},
		{"Below", "a.below.example", true},
		{"FarBelow", "a.b.below.example:8080", true},

		{"Rebinding", "evil.example:8080", false},
		{"BelowLocalhost", "evil.localhost", false},
		{"LocalhostInFront", "localhost.evil.example", false},
		{"LocalhostBehind", "evil-localhost", false},
		{"AddressInName", "127.0.0.1.evil.example", false},
		{"NumberThatIsAnAddress", "2130706433", false},
		{"ShortAddress", "127.1", false},
		{"ExternalBelow", "a.leases.example", false},
		{"ExternalBehind", "evilleases.example", false},
		{"WildcardItself", "below.example", false},
		{"WildcardDot", ".below.example", false},
		{"WildcardBehind", "evilbelow.example", false},
		{"TwoDots", "localhost..", false},
		{"Missing", "", false},
		{"PortOnly", ":8080", false},
		{"Brackets", "[]", false},
		{"Nonsense", "a b:c:d", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := h.allows(tc.host); got != tc.want {
				t.Errorf("%q is allowed: %t, want %t", tc.host, got, tc.want)
			}
		})
	}
}

func TestValidateHost(t *testing.T) {
	for pattern, good := range map[string]bool{
		"leases.example": true, "*.leases.example": true, "LEASES.example.": true, "192.0.2.1": true, "::1": true, "single": true,
		"": false, "*": false, "*.": false, "a.*.example": false, "leases.example:8080": false, "https://leases.example": false, "a b": false,
	} {
		if err := ValidateHost(pattern); (err == nil) != good {
			t.Errorf("%q: got %v, want it good: %t", pattern, err, good)
		}
	}
}
