// Package problem answers with application/problem+json (RFC 9457): one shape for
// whatever goes wrong, with a type that programs can rely on and words for people.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// MediaType of every answer that is a problem.
const MediaType = "application/problem+json"

// statusClientClosedRequest is what web servers log for a client that did not wait.
const statusClientClosedRequest = 499

// typeBase is in front of the slug in Problem.Type. It identifies; nothing need be
// served there.
const typeBase = "https://containerlease.dev/problems/"

// Problem is what went wrong with a request. It is an error, so that a handler can return it.
type Problem struct {
	// Type is a URI that stays the same for one kind of problem.
	Type string `json:"type"`
	// Title is Type in words.
	Title string `json:"title"`
	// Status is the HTTP status.
	Status int `json:"status"`
	// Detail says what happened this time, and what to do next.
	Detail string `json:"detail,omitempty"`
	// RequestID finds this request in the server's logs.
	RequestID string `json:"requestID,omitempty"`
	// ID is the lease it is about, where there is one to look at.
	ID string `json:"id,omitempty"`
	// Errors are the fields that are wrong, all of them.
	Errors []FieldError `json:"errors,omitempty"`
	// RetryAfter is in how many seconds it is worth trying again; 0 if unknown. It is
	// the Retry-After header, too.
	RetryAfter int `json:"-"`
}

// FieldError is one field that is wrong.
type FieldError struct {
	// Field as the request names it: cpuMilli, env.NAME, ?limit, Idempotency-Key.
	Field string `json:"field"`
	// Message says what is wrong with the value, with it, and what is allowed.
	Message string `json:"message"`
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Title + ": " + p.Detail
	}
	return p.Title
}

// With returns a copy that says what happened this time.
func (p Problem) With(detail string, fields ...FieldError) *Problem {
	p.Detail, p.Errors = detail, fields
	return &p
}

// kind is what all problems of a type have in common.
func kind(status int, slug, title string) Problem {
	return Problem{Type: typeBase + slug, Title: title, Status: status}
}

// The kinds of problems. Their types are part of the API's contract.
var (
	BadRequest         = kind(http.StatusBadRequest, "bad-request", "The request can't be read")
	Unauthenticated    = kind(http.StatusUnauthorized, "unauthenticated", "Nobody is signed in")
	Forbidden          = kind(http.StatusForbidden, "forbidden", "Not allowed")
	NotFound           = kind(http.StatusNotFound, "not-found", "Not found")
	MethodNotAllowed   = kind(http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed")
	NotAcceptable      = kind(http.StatusNotAcceptable, "not-acceptable", "No such representation")
	Conflict           = kind(http.StatusConflict, "conflict", "Conflict with the present state")
	AlreadyExists      = kind(http.StatusConflict, "already-exists", "Exists already")
	Gone               = kind(http.StatusGone, "gone", "No longer available")
	TooLarge           = kind(http.StatusRequestEntityTooLarge, "too-large", "The request is too large")
	UnsupportedType    = kind(http.StatusUnsupportedMediaType, "unsupported-media-type", "Unsupported media type")
	Misdirected        = kind(http.StatusMisdirectedRequest, "misdirected", "Not served under this name")
	UpgradeRequired    = kind(http.StatusUpgradeRequired, "upgrade-required", "Not a WebSocket")
	Invalid            = kind(http.StatusUnprocessableEntity, "invalid", "Fields are wrong")
	ProvisioningFailed = kind(http.StatusBadGateway, "provisioning-failed", "The container could not be started")
	TooManyRequests    = kind(http.StatusTooManyRequests, "too-many-requests", "Too many requests")
	Internal           = kind(http.StatusInternalServerError, "internal", "Internal error")
	Unavailable        = kind(http.StatusServiceUnavailable, "unavailable", "Not available now")
	Timeout            = kind(http.StatusGatewayTimeout, "timeout", "Took too long")
	// Canceled is for the access log: who would read it is gone.
	Canceled = kind(statusClientClosedRequest, "canceled", "The client went away")
)

// Write answers a request with the problem that err is, by From. One that is Internal is
// logged, and answered without a word of the inside.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	answer := *From(err)
	answer.RequestID = requestid.From(r.Context())
	if answer.Status == http.StatusInternalServerError {
		logInternal(r, answer.RequestID, err)
		answer.Detail = "the server's log has the details under request ID " + answer.RequestID
	}
	if began(w) {
		// A second answer behind the half of a first would pass for its rest: break off instead.
		panic(http.ErrAbortHandler)
	}
	header := w.Header()
	if answer.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(answer.RetryAfter))
	}
	if answer.Status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="containerlease"`)
	}
	header.Set("Content-Type", MediaType)
	header.Set("Cache-Control", "no-store")
	header.Del("Content-Length")
	w.WriteHeader(answer.Status)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // nobody is left to tell
}
