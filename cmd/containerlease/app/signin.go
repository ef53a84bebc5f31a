package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerlease/containerlease/web/gateway/door"
)

// gatewayURLFile tells the command line where the server of a data directory is reached: the
// server may have been told by flags that nobody else knows.
const gatewayURLFile = "gateway-url"

// signInLink is what a person opens to be signed in, at a gateway's URL.
func signInLink(gateway, secret string) string {
	return strings.TrimSuffix(gateway, "/") + door.SignInPath + "?token=" + url.QueryEscape(secret)
}

// saveGatewayURL keeps where the server is reached.
func saveGatewayURL(dataDir, gateway string) error {
	if err := os.WriteFile(filepath.Join(dataDir, gatewayURLFile), []byte(gateway+"\n"), 0o600); err != nil {
		return fmt.Errorf("keeping the gateway's URL: %w", err)
	}
	return nil
}

// savedGatewayURL returns what saveGatewayURL kept; "" if no server has run here yet.
func savedGatewayURL(dataDir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dataDir, gatewayURLFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the gateway's URL: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
