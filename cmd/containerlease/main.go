// Containerlease is the server: the lease API on Redis, the controllers that drive
// Docker toward it, and the gateway.
package main

import (
	"os"

	"github.com/containerlease/containerlease/cmd/containerlease/app"
)

func main() {
	os.Exit(app.Main())
}
