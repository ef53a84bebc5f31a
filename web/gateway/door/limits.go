package door

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// MaxBody is how many bytes the body of a request may have.
const MaxBody = 1 << 20

// Limits bounds the bytes of a request's body, and the time that it may take to arrive. A
// handler that reads too much fails with an *http.MaxBytesError; one that has to wait for too long,
// with os.ErrDeadlineExceeded.
func (d *Door) Limits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			connection := http.NewResponseController(w)
			// The real time: it is the kernel that waits. A writer without deadlines, as tests have
			// it, has nobody who could be slow.
			_ = connection.SetReadDeadline(time.Now().Add(d.bodyTimeout))
			r.Body = &timedBody{
				ReadCloser: http.MaxBytesReader(w, r.Body, MaxBody),
				arrived:    sync.OnceFunc(func() { _ = connection.SetReadDeadline(time.Time{}) }),
			}
		}
		next.ServeHTTP(w, r)
	})
}

// timedBody lifts the deadline once the body has arrived. The server goes on to read from the
// connection, to notice that the client leaves, and would take a deadline for that.
type timedBody struct {
	io.ReadCloser
	arrived func()
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.arrived()
	}
	return n, err
}
