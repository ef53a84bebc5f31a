// Package server assembles the API: a Kubernetes API server made from k8s.io/apiserver
// that serves the lease API and what unmodified kubectl, client-go and
// controller-runtime need around it. It has no engine, no Redis and no controller;
// storage and logs come in as interfaces.
//
//	server.go          New, Run, Ready: from Config to a running server
//	groups.go          which resources are served, and by which registry
//	authentication.go  who is it: certificates, and the token of this process
//	authorization.go   may they: administrators, and others by their roles
//	quantity*.go       what no request may bring: numbers that take for ever to decode
//	audit.go           a line for each change and each refusal
//	firststart.go      what a new server installs for itself
//	openapi.go         the description of all that
//	registry/          one package a resource: strategy, storage, table
//	roles/             admin, editor, viewer: what they may do, and where
//	admission/         class defaults; namespaces that are being made and deleted
//	scheme/            the types, and how they are written
//	inprocess/         the way in for clients of the same process
//	certs/             certificates of a server that nobody gave any
package server
