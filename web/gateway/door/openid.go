package door

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

const (
	// openIDPath begins a way to the issuer, and callbackPath is where it leads back to.
	openIDPath   = SignInPath + "/oidc"
	callbackPath = openIDPath + "/callback"
	// flowCookie is the name of the cookie that holds a way under way, as sessionCookie is.
	flowCookie = "containerlease_signin"
	// flowLifetime is enough to find a password, and a second factor.
	flowLifetime = 10 * time.Minute
	// maxReturn bounds the path to return to, so that the cookie is small enough for any browser.
	maxReturn = 1 << 10
)

// flow is what the cookie holds: a way to the issuer, and the page that it began on.
type flow struct {
	openid.Flow
	Return string `json:"r"`
}

// signInAnswer is the SignInOptions of the API's document.
type signInAnswer struct {
	Session *sessionAnswer `json:"session,omitempty"`
	OIDC    *issuerAnswer  `json:"oidc,omitempty"`
}

type issuerAnswer struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// issuer is the issuer as people are told of it; nil if there is none.
func (d *Door) issuer() *issuerAnswer {
	if d.openID == nil {
		return nil
	}
	return &issuerAnswer{d.openID.Name(), openIDPath}
}

// showSignIn is GET /api/signin: who is signed in, and how somebody can be, beside tokens and links.
func (d *Door) showSignIn(w http.ResponseWriter, r *http.Request) {
	options := signInAnswer{OIDC: d.issuer()}
	if c, ok := caller.From(r.Context()); ok {
		session := describe(c.Identity)
		options.Session = &session
	}
	answer(w, r, http.StatusOK, options)
}

// openIDRoute is in front of both routes: it answers whoever only looks ahead, and where there is no
// issuer.
func (d *Door) openIDRoute(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case r.Method == http.MethodHead || looksAhead(r):
			w.WriteHeader(http.StatusNoContent)
		case d.openID == nil:
			d.refusePerson(w, r, http.StatusNotFound, "Nobody signs in here by OpenID Connect: the server has not been told of an issuer, by --oidc-issuer-url.", nil)
		default:
			next(w, r)
		}
	}
}

// startOpenID is GET /signin/oidc?return=…: it sends a browser to the issuer.
func (d *Door) startOpenID(w http.ResponseWriter, r *http.Request) {
	back := localPath(r.URL.Query().Get("return"))
	if d.external != nil && !sameHost(r.Host, d.external.Host, d.external.Scheme) && !r.URL.Query().Has("here") {
		// The issuer sends browsers back to the external URL, so that the cookie has to be of its
		// host. Behind a proxy that changes the Host of requests, this is it already: hence "here".
		query := url.Values{"here": {""}, "return": {back}}
		http.Redirect(w, r, d.external.String()+openIDPath+"?"+query.Encode(), http.StatusSeeOther)
		return
	}
	begun := flow{openid.NewFlow(), back}
	target, err := d.openID.AuthorizationURL(r.Context(), begun.Flow, d.redirectURI(r))
	if err != nil {
		d.refuseFlow(w, r, err)
		return
	}
	d.keepFlow(w, r, begun)
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// finishOpenID is GET /signin/oidc/callback?state=…&code=…: it signs in whom the issuer sends back.
func (d *Door) finishOpenID(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	begun, ok := d.flowOf(r)
	if !ok || !begun.Began(query.Get("state")) {
		// The cookie stays: a page elsewhere that leads here is not to end what the person is at.
		d.refuseFlow(w, r, openid.ErrStale)
		return
	}
	d.endFlow(w, r)
	if reason := query.Get("error"); reason != "" {
		d.refuseFlow(w, r, &issuerError{reason, query.Get("error_description")})
		return
	}
	idToken, err := d.openID.Redeem(r.Context(), begun.Flow, d.redirectURI(r), query.Get("code"))
	if err != nil {
		d.refuseFlow(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), identifyPatience)
	defer cancel()
	_, err = d.startSession(w, r.WithContext(ctx), idToken)
	switch {
	case errors.Is(err, caller.ErrUnauthenticated):
		d.refuseFlow(w, r, err)
	case err != nil:
		problem.Write(w, r, err)
	default:
		http.Redirect(w, r, localPath(begun.Return), http.StatusSeeOther)
	}
}

// issuerError is what the issuer sent a person back with (RFC 6749, section 4.1.2.1).
type issuerError struct{ reason, description string }

func (e *issuerError) Error() string {
	return strings.TrimSpace("the issuer answered " + e.reason + " " + e.description)
}

// refuseFlow tells a person why nobody is signed in, and the audit the reason behind.
func (d *Door) refuseFlow(w http.ResponseWriter, r *http.Request, err error) {
	status, why, name := http.StatusUnauthorized, "", d.openID.Name()
	var refused *issuerError
	switch {
	case errors.Is(err, openid.ErrStale):
		why = "Signing in at " + name + " took too long, or its last page was opened twice. Begin again."
	case errors.As(err, &refused) && refused.reason == "access_denied":
		why = "Signing in was declined at " + name + "."
	case errors.As(err, &refused):
		why = name + " could not sign you in."
	case errors.Is(err, openid.ErrAway):
		status, why = http.StatusBadGateway, name+" can't be reached, or does not answer. Try again in a while."
	case errors.Is(err, caller.ErrUnauthenticated):
		why = name + " knows you, but your account there has no access here. Ask whoever runs this server."
	default:
		status, why = http.StatusBadGateway, "What "+name+" answered can't be used. Ask whoever runs this server."
	}
	d.refusePerson(w, r, status, why, err)
}

// redirectURI is where the issuer sends browsers back to, as it has to know it.
func (d *Door) redirectURI(r *http.Request) string {
	switch {
	case d.external != nil:
		return d.external.String() + callbackPath
	case d.secure(r):
		return "https://" + r.Host + callbackPath
	default:
		return "http://" + r.Host + callbackPath // a host that Hosts has let through
	}
}

// localPath is the path of a page of ours, or "/" if it could lead anywhere else. What browsers
// take for slashes, or leave out, is in none of our paths.
func localPath(path string) string {
	strange := func(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f }
	if len(path) > maxReturn || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, strange) {
		return "/"
	}
	if u, err := url.Parse(path); err != nil || u.Scheme != "" || u.Host != "" {
		return "/"
	}
	return path
}

// flowOf reads the cookie of a way under way.
func (d *Door) flowOf(r *http.Request) (flow, bool) {
	cookie, err := r.Cookie(d.nameHere(r, flowCookie))
	if err != nil {
		return flow{}, false
	}
	data, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return flow{}, false
	}
	var begun flow
	return begun, json.Unmarshal(data, &begun) == nil
}

func (d *Door) keepFlow(w http.ResponseWriter, r *http.Request, begun flow) {
	data, err := json.Marshal(begun)
	if err != nil {
		panic(err) // never: it is four strings
	}
	d.setFlowCookie(w, r, base64.RawURLEncoding.EncodeToString(data), int(flowLifetime.Seconds()))
}

func (d *Door) endFlow(w http.ResponseWriter, r *http.Request) { d.setFlowCookie(w, r, "", -1) }

// setFlowCookie sets a cookie that is Lax where the session's is Strict: it is the issuer's page that leads
// back here.
func (d *Door) setFlowCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: d.nameHere(r, flowCookie), Value: value, MaxAge: maxAge,
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: d.secure(r),
	})
}
