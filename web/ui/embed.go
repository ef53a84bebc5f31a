// Package ui is the dashboard, as Vite built it: `make build` does so before it compiles the server. A
// server that was compiled without has none, and says so.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files are the files of the dashboard, index.html among them; nil if it was not built.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // never: the name is a valid one
	}
	if _, err := fs.Stat(files, "index.html"); err != nil {
		return nil
	}
	return files
}
