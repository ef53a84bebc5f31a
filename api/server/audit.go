package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	auditinternal "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// auditPolicy says what the library has to gather for the audit log: of each request who made
// it, what for, and what came of it, but nothing of any body. What this process does on its own
// behalf is left out; what it does for others comes with their credentials.
type auditPolicy struct{}

// EvaluatePolicyRule implements audit.PolicyRuleEvaluator. Reads are gathered, too, since they
// may be refused.
func (auditPolicy) EvaluatePolicyRule(a authorizer.Attributes) audit.RequestAuditConfig {
	if who := a.GetUser(); who != nil && who.GetName() == user.APIServerUser {
		return audit.RequestAuditConfig{Level: auditinternal.LevelNone}
	}
	return audit.RequestAuditConfig{
		Level:      auditinternal.LevelMetadata,
		OmitStages: []auditinternal.Stage{auditinternal.StageRequestReceived},
	}
}

const (
	// auditBacklog is how many lines may wait for the log to take them.
	auditBacklog = 4096
	// auditTextLimit bounds what a caller can make us log of a name or an address.
	auditTextLimit = 256
)

// auditLog writes a line for each change and each refusal. It is an audit.Backend.
//
// Requests don't wait for the log: if it is slow for so long that auditBacklog lines wait,
// further ones are dropped, and a line says how many.
type auditLog struct {
	logger  *slog.Logger
	lines   chan slog.Record
	dropped atomic.Int64
	done    chan struct{}
}

func newAuditLog(logger *slog.Logger) *auditLog {
	return &auditLog{logger: logger, lines: make(chan slog.Record, auditBacklog), done: make(chan struct{})}
}

// ProcessEvents implements audit.Sink. It doesn't block.
func (l *auditLog) ProcessEvents(events ...*auditinternal.Event) bool {
	for _, event := range events {
		if !worthALine(event) {
			continue
		}
		select {
		case l.lines <- auditLine(event):
		default:
			l.dropped.Add(1)
		}
	}
	return true
}

// Run implements audit.Backend.
func (l *auditLog) Run(stop <-chan struct{}) error {
	go func() {
		defer close(l.done)
		for {
			select {
			case line := <-l.lines:
				l.write(line)
			case <-stop:
				l.drain()
				return
			}
		}
	}()
	return nil
}

// Shutdown implements audit.Backend: it waits until all lines are written.
func (l *auditLog) Shutdown() { <-l.done }

// String implements audit.Backend.
func (*auditLog) String() string { return "log" }

func (l *auditLog) drain() {
	for {
		select {
		case line := <-l.lines:
			l.write(line)
		default:
			return
		}
	}
}

func (l *auditLog) write(line slog.Record) {
	ctx := context.Background()
	if dropped := l.dropped.Swap(0); dropped > 0 {
		l.logger.WarnContext(ctx, "audit lines were dropped: the log was too slow", "lines", dropped)
	}
	if handler := l.logger.Handler(); handler.Enabled(ctx, line.Level) {
		// There is nobody to tell of an error but the log that made it.
		_ = handler.Handle(ctx, line)
	}
}

// worthALine says whether an event is the end of a request that changed something, or tried
// to, or was refused.
func worthALine(event *auditinternal.Event) bool {
	code := 0
	if event.ResponseStatus != nil {
		code = int(event.ResponseStatus.Code)
	}
	switch event.Stage {
	case auditinternal.StageResponseComplete, auditinternal.StagePanic:
		return changes(event) || code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusTooManyRequests
	case auditinternal.StageResponseStarted:
		// A failed authentication ends with the beginning of its response.
		return code == http.StatusUnauthorized && event.User.Username == ""
	}
	return false
}

// changes says whether a request is one that changes something. To ask what one may do is a
// create, but only by its form.
func changes(event *auditinternal.Event) bool {
	switch event.Verb {
	case "get", "list", "watch", "head", "options":
		return false
	}
	return event.ObjectRef == nil || !strings.HasPrefix(event.ObjectRef.Resource, "selfsubject")
}

// auditLine is what is logged of an event. Messages are not: they repeat values of the
// request, among them those of environment variables.
func auditLine(event *auditinternal.Event) slog.Record {
	line := slog.NewRecord(event.StageTimestamp.Time, slog.LevelInfo, "audit", 0)
	text := func(name, value string) {
		if value != "" {
			line.AddAttrs(slog.String(name, clip(value)))
		}
	}
	text("requestID", string(event.AuditID))
	text("principal", event.User.Username)
	if event.ImpersonatedUser != nil {
		text("impersonated", event.ImpersonatedUser.Username)
	}
	text("verb", event.Verb)
	uri, err := url.ParseRequestURI(event.RequestURI)
	if object := event.ObjectRef; object != nil {
		resource := object.Resource
		if object.APIGroup != "" {
			resource += "." + object.APIGroup
		}
		text("resource", resource)
		text("subresource", object.Subresource)
		text("namespace", object.Namespace)
		text("name", object.Name)
	} else if err == nil {
		text("path", uri.Path)
	}
	if err == nil && uri.Query().Has("dryRun") {
		line.AddAttrs(slog.Bool("dryRun", true))
	}
	if status := event.ResponseStatus; status != nil {
		line.AddAttrs(slog.Int("status", int(status.Code)))
		text("reason", string(status.Reason))
	}
	// Why it was forbidden, in terms of the caller's roles.
	if event.ResponseStatus != nil && event.ResponseStatus.Code == http.StatusForbidden {
		text("detail", event.Annotations["authorization.k8s.io/reason"])
	}
	// The last one is who connected to us; those before it are what that one said.
	text("sourceIPs", strings.Join(event.SourceIPs, ","))
	line.AddAttrs(slog.Duration("duration", event.StageTimestamp.Sub(event.RequestReceivedTimestamp.Time).Round(time.Microsecond)))
	return line
}

func clip(text string) string {
	if len(text) <= auditTextLimit {
		return text
	}
	return strings.ToValidUTF8(text[:auditTextLimit], "") + "…"
}

// saneID is what a request may call itself in our logs.
var saneID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// saneAuditID makes the library replace the ID of a request that could be anything.
func saneAuditID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if id := req.Header.Get(auditinternal.HeaderAuditID); id != "" && !saneID.MatchString(id) {
			req = req.Clone(req.Context())
			req.Header.Del(auditinternal.HeaderAuditID)
		}
		next.ServeHTTP(w, req)
	})
}
