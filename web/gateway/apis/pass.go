package apis

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// answered are the headers of the API's answer that go on to the client. The rest is the gateway's to say.
var answered = []string{"Content-Type", "Warning", "Retry-After", "Allow", "Audit-Id"}

// copyBuffer is how much of an answer is written at once.
const copyBuffer = 32 << 10

// Pass returns the handler of /apis/, which expects the caller in the request's context. Errors are
// the API's own: a Status. limit is in front of what goes on.
func Pass(cfg Config, limit func(http.Handler) http.Handler) http.Handler {
	once := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cfg.pass(w, r) })
	goingOn := limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Its end is not told to the client, which has to expect it of any watch.
		ctx, end := context.WithCancel(r.Context())
		defer end()
		go cfg.endWith(ctx, end, r)
		cfg.pass(w, r.WithContext(ctx))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if goesOn(r) {
			goingOn.ServeHTTP(w, r)
			return
		}
		once.ServeHTTP(w, r)
	})
}

// pass sends a request on, and its answer back as it comes.
func (cfg Config) pass(w http.ResponseWriter, r *http.Request) {
	out := toAPI(r.Context(), r, r.URL.Path)
	if r.Body != nil && r.Body != http.NoBody {
		out.Body, out.ContentLength = r.Body, r.ContentLength
	}
	response, err := cfg.API.RoundTrip(out)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	for _, name := range answered {
		if values := response.Header.Values(name); len(values) > 0 {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(response.StatusCode)
	flusher := http.NewResponseController(w)
	buffer := make([]byte, copyBuffer)
	for {
		n, err := response.Body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return // nobody is left to tell
			}
			_ = flusher.Flush()
		}
		switch {
		case errors.Is(err, io.EOF) || r.Context().Err() != nil:
			return // what goes on was ended here, which whoever watches has to expect
		case err != nil:
			panic(http.ErrAbortHandler) // an answer that broke off must not look like a whole one
		}
	}
}
