//go:build !race

package e2e

// raceDetector says whether the tests were built with it; the server is then, too.
const raceDetector = false
