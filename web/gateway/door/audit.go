package door

import (
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// refuse answers a request that does not come in, and writes that down.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, p *problem.Problem) {
	d.audit(r, r.Method, p.Status, p.Title)
	problem.Write(w, r, p)
}

// audit writes down what the API can't, since it never hears of it: who was refused at the
// door, and who signed in or out. The line is like those of the API; a path is in it as its
// route, without what the client wrote there.
func (d *Door) audit(r *http.Request, verb string, code int, reason string) {
	d.logger.LogAttrs(r.Context(), slog.LevelInfo, "audit",
		slog.String("auditID", requestid.From(r.Context())),
		slog.String("user", visitOf(r).User),
		slog.String("verb", verb),
		slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
		slog.Int("code", code),
		slog.String("reason", reason),
		slog.String("sourceIP", clientAddress(r)))
}
