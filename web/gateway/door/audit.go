package door

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// detailLimit bounds what a client can make us log of its own words.
const detailLimit = 256

// refuse answers a request that does not come in, and writes that down.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	d.audit(r, strings.ToLower(r.Method), p.Status, p.Detail)
	problem.Write(w, r, p)
}

// audit writes down what the API can't, since it never hears of it: who was refused at the
// door, and who signed in or out. The line has the attributes of the API's own. The path is in it as its
// route, without what the client wrote there.
func (d *Door) audit(r *http.Request, verb string, status int, detail string) {
	attrs := []slog.Attr{
		slog.String("requestID", requestid.From(r.Context())),
		slog.String("principal", visitOf(r).User),
		slog.String("verb", verb),
		slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
		slog.Int("status", status),
	}
	if detail != "" {
		if len(detail) > detailLimit {
			detail = strings.ToValidUTF8(detail[:detailLimit], "") + "…"
		}
		attrs = append(attrs, slog.String("detail", detail))
	}
	attrs = append(attrs, slog.String("sourceIPs", ClientAddress(r)))
	d.logger.LogAttrs(r.Context(), slog.LevelInfo, "audit", attrs...)
	visitOf(r).audited.Store(true)
}

// AuditRefusal writes down that a request of somebody who was let in was refused further inside, unless a
// line tells of it already. What is not the caller's is answered as what there is not, without a word to
// the API, so that a 404 may be a probe. It is for whoever sees the answer of a request, at its end.
func (d *Door) AuditRefusal(r *http.Request, status int) {
	visit := visitOf(r)
	refused := status == http.StatusForbidden || status == http.StatusNotFound
	// Nobody is charged with a path that is not served.
	if refused && visit.User != "" && !visit.audited.Load() {
		d.audit(r, strings.ToLower(r.Method), status, "")
	}
}

// HeardByAPI returns a transport to the API by which AuditRefusal knows what the API's own audit tells of:
// changes, and what it refuses.
func HeardByAPI(next http.RoundTripper) http.RoundTripper { return heard{next} }

type heard struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (h heard) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := h.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		visitOf(r).audited.Store(true)
	default:
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			visitOf(r).audited.Store(true)
		}
	}
	return response, nil
}
