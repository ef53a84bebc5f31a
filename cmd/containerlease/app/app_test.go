package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"
)

func TestLibraryChatterIsDebugging(t *testing.T) {
	var out bytes.Buffer
	logger := newLogger(&out, "info", "json")
	t.Cleanup(func() { newLogger(io.Discard, "error", "json") })
	klog.InfoS("chatter")
	klog.ErrorS(nil, "failure")
	klog.ErrorS(errors.New("of whoever asks"), "Unable to authenticate the request")
	logger.Info("news")

	var messages []string
	for line := range strings.Lines(out.String()) {
		var entry struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		messages = append(messages, entry.Msg)
	}
	if got := strings.Join(messages, " "); got != "failure news" {
		t.Errorf("logged %q, want \"failure news\"", got)
	}
}

func TestMetricsOfTwoRegistriesAreServedOnce(t *testing.T) {
	first, second := prometheus.NewRegistry(), prometheus.NewRegistry()
	gauge := func(r *prometheus.Registry, name string, value float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name})
		g.Set(value)
		r.MustRegister(g)
	}
	gauge(first, "shared", 1)
	gauge(second, "shared", 2)
	gauge(second, "own", 3)

	w := httptest.NewRecorder()
	metricsHandler(first, second).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body := w.Body.String()
	if w.Code != 200 || !strings.Contains(body, "shared 1\n") || !strings.Contains(body, "own 3\n") || strings.Contains(body, "shared 2") {
		t.Errorf("got %d:\n%s", w.Code, body)
	}
}

func TestCommandLine(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		out  string
		err  string
	}{
		"Version":       {args: []string{"version"}, out: "containerlease v"},
		"VersionJSON":   {args: []string{"version", "-o", "json"}, out: `"goVersion"`},
		"VersionFormat": {args: []string{"version", "-o", "xml"}, err: `"xml": must be json or yaml`},
		"Config":        {args: []string{"config"}, out: "apiAddress: 127.0.0.1:8443"},
		"ConfigEnv":     {args: []string{"config", "--format", "env"}, out: "#REDIS_URL="},
		"ConfigFormat":  {args: []string{"config", "--format", "ini"}, err: "must be yaml, env or markdown"},
		"UnknownFlag":   {args: []string{"serve", "--nothing"}, err: "unknown flag: --nothing"},
		"NoConfigFile":  {args: []string{"serve", "--config", "/does/not/exist"}, err: "/does/not/exist"},
		"BadAddress":    {args: []string{"serve", "--config", "/dev/null", "--address", "here"}, err: "HOST:PORT"},
		"Help":          {args: []string{"serve", "--help"}, out: "--cleanup-interval"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cmd := NewCommand()
			cmd.SetArgs(tc.args)
			cmd.SetOut(&out)
			err := cmd.ExecuteContext(t.Context())
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("error is %v, want %q", err, tc.err)
			}
			if !strings.Contains(out.String(), tc.out) {
				t.Errorf("printed %q, want %q in it", out.String(), tc.out)
			}
		})
	}
}
