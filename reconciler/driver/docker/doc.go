// Package docker drives a Docker Engine, from 20.10 (API 1.41) on, through its own
// Go client.
//
// The client is github.com/docker/docker/client v28: its successor,
// github.com/moby/moby/client, speaks only API 1.44 and newer, which leaves out
// the engines of current long-term distributions.
//
// What a container gets is written down in one place, hostconfig.go, and checked
// against what the engine says it holds in another, verify.go. Nothing else of the
// package decides about security.
package docker
