package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// newLogger returns the process's logger, and makes klog and controller-runtime, which the
// libraries log to, write to it as well.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var threshold slog.Level
	// The settings allow only names that slog knows.
	if err := threshold.UnmarshalText([]byte(level)); err != nil {
		threshold = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: threshold}
	var handler slog.Handler = slog.NewJSONHandler(w, options)
	if format == "text" {
		handler = slog.NewTextHandler(w, options)
	}
	logger := slog.New(handler)
	slog.SetDefault(logger)
	klog.SetSlogLogger(slog.New(demoted{handler}).With("component", "kubernetes"))
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	return logger
}

// demoted passes what is less than a warning on as debugging: what Kubernetes' library finds worth
// telling speaks of its parts, not of leases. So it does with the error that each bad token is: anybody can
// bring those, and the audit tells of them.
type demoted struct{ slog.Handler }

// badCredential is the library's message about a request that authentication failed with an error.
const badCredential = "Unable to authenticate the request"

// Enabled implements slog.Handler.
func (d demoted) Enabled(ctx context.Context, level slog.Level) bool {
	return d.Handler.Enabled(ctx, demote(level))
}

// Handle implements slog.Handler.
func (d demoted) Handle(ctx context.Context, record slog.Record) error {
	record.Level = demote(record.Level)
	if record.Message == badCredential {
		record.Level = slog.LevelDebug
	}
	if !d.Handler.Enabled(ctx, record.Level) { // the one who asked did not know the message
		return nil
	}
	return d.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (d demoted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return demoted{d.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (d demoted) WithGroup(name string) slog.Handler { return demoted{d.Handler.WithGroup(name)} }

func demote(level slog.Level) slog.Level {
	if level < slog.LevelWarn {
		return min(level, slog.LevelDebug)
	}
	return level
}
