package server

import (
	"context"
	"net/http"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
)

// credentialCheck is how often the credential of a stream is looked at again, beside each
// change of the tokens: nobody tells that an issuer's token has expired.
const credentialCheck = 10 * time.Second

// currentCredentials ends what somebody watches or follows over the network once the bearer
// token it was asked for with is good no longer; Kubernetes would let it go on until it ends by
// itself. The gateway in this process, which has no connection, sees to its own streams,
// and tells its callers why.
type currentCredentials struct {
	next    http.Handler
	tokens  authenticator.Token
	changed func() <-chan struct{}
}

// newCurrentCredentials puts itself before a chain of handlers that authenticates. Changed
// returns a channel that is closed when something about the tokens has changed since; nil
// means that nobody knows.
func newCurrentCredentials(next http.Handler, tokens authenticator.Token, changed func() <-chan struct{}) http.Handler {
	if changed == nil {
		changed = func() <-chan struct{} { return nil }
	}
	return &currentCredentials{next, tokens, changed}
}

// ServeHTTP implements http.Handler.
func (c *currentCredentials) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	token, ok := bearerOf(req)
	if !ok || req.TLS == nil || !streams(req) {
		c.next.ServeHTTP(w, req)
		return
	}
	ctx, end := context.WithCancel(req.Context())
	defer end()
	// From before the token is first looked at, which the chain does.
	go c.endWith(ctx, end, token, c.changed())
	c.next.ServeHTTP(w, req.WithContext(ctx))
}

// endWith calls end once a token is good no longer, unless ctx has ended before.
func (c *currentCredentials) endWith(ctx context.Context, end context.CancelFunc, token string, changed <-chan struct{}) {
	check := time.NewTicker(credentialCheck)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-check.C:
		}
		changed = c.changed()
		if _, ok, err := c.tokens.AuthenticateToken(ctx, token); err != nil || !ok {
			end()
			return
		}
	}
}

// streams says whether a request may be answered for as long as it takes. It errs to the side of
// yes: to the library, a parameter without a value means true, and /watch/ in a path, by
// which one watched before there was the parameter, still does.
func streams(req *http.Request) bool {
	query := req.URL.Query()
	return query.Has("watch") || query.Has("follow") || strings.Contains(req.URL.Path, "/watch/")
}

func bearerOf(req *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(strings.TrimSpace(req.Header.Get("Authorization")), " ")
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}
