// Package policy decides, in pure functions: which image a class lets a lease run
// (images.go), what a class fills in and refuses (class.go), when a lease ends and
// why (expiry.go), and what it costs (billing.go). Nothing here performs I/O, reads
// a clock or remembers anything.
package policy
