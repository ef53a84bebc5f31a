package app

import (
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
	klog.SetSlogLogger(logger.With("component", "kubernetes"))
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	return logger
}
