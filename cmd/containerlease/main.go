// Containerlease is the server: the lease API on Redis, the controllers that drive
// Docker toward it, and the gateway.
package main

import (
	"os"

	// The public certificate authorities, for where the system has none: the binary is all
	// there is in its image. A system that has some is believed instead.
	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/containerlease/containerlease/cmd/containerlease/app"
)

func main() {
	os.Exit(app.Main())
}
