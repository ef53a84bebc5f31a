// Package e2e tests ContainerLease from the outside: a server process on a real
// Redis and a real Docker Engine, driven by the unmodified kubectl, by leasectl and by plain
// HTTP, and judged by an auditor that believes nobody but the engine.
//
// The tests are black boxes. They import the API types to read and write objects, and
// no other package of the project; amounts are recomputed with arithmetic of their own.
//
// All servers share one engine, so a rule keeps them apart: a test that starts
// a server of its own is serial; the tests that share one are parallel, and the shared
// server starts with the first of them, once every serial test is done.
//
// They need dockerd, redis-server, a static busybox and diff, and fail without them.
package e2e
