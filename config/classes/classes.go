// Package classes holds the LeaseClasses that come with the server.
package classes

import _ "embed" // for the manifests

// Standard is the manifest of the class that a new server starts with.
//
//go:embed standard.yaml
var Standard []byte
