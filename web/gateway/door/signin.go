package door

import (
	_ "embed" // for the page
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// SignInPath is the path of sign-in links. Its token parameter is the only credential that
// is taken from a URL: it is good once, and so worth nothing in a history or a log.
const SignInPath = "/signin"

//go:embed signin.html
var signInText string

var signInPage = template.Must(template.New("signin").Parse(signInText))

// SignIn is GET /signin?token=…: it trades the token of a link for a session, once. Browsers that
// only look ahead, and HEAD, don't use it up.
func (d *Door) SignIn(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	token := r.URL.Query().Get("token")
	switch {
	case r.Method == http.MethodHead || looksAhead(r):
		w.WriteHeader(http.StatusNoContent)
		return
	case token == "":
		d.refuseLink(w, r, "This is where sign-in links lead; this one has no token in it.")
		return
	}
	err := d.followLink(w, r, token)
	switch {
	case errors.Is(err, errLasting):
		d.refuseLink(w, r, "This is a token, and not that of a sign-in link. A token in a link ends up in histories and logs: consider revoking it. POST it to /api/session instead.")
	case errors.Is(err, caller.ErrUnauthenticated):
		d.refuseLink(w, r, "This sign-in link was used already, or is too old.")
	case err != nil:
		problem.Write(w, r, err)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// errLasting is what a link is refused for whose token would be good for more than it.
var errLasting = errors.New("the token is not that of a link")

func (d *Door) followLink(w http.ResponseWriter, r *http.Request, token string) error {
	// A link's token is good for signing in and nothing else; what identifies somebody is another
	// kind of credential.
	switch _, err := d.identities.Identify(r.Context(), token); {
	case err == nil:
		return errLasting
	case !errors.Is(err, caller.ErrUnauthenticated):
		return err
	}
	_, err := d.startSession(w, r, token)
	return err
}

// looksAhead says whether a browser fetches a page that nobody has asked to see yet.
func looksAhead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if strings.Contains(r.Header.Get(name), "prefetch") {
			return true
		}
	}
	return false
}

// refuseLink answers a person whose link is good for nothing.
func (d *Door) refuseLink(w http.ResponseWriter, r *http.Request, why string) {
	d.refusePerson(w, r, http.StatusUnauthorized, why, nil)
}

// refusePerson says to a person why nobody is signed in, and which ways there are. The cause, if
// there is one, is for the audit alone.
func (d *Door) refusePerson(w http.ResponseWriter, r *http.Request, status int, why string, cause error) {
	detail := why
	if cause != nil {
		detail += " (" + cause.Error() + ")"
	}
	d.audit(r, r.Method, status, detail)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = signInPage.Execute(w, struct { // nobody is left to tell
		Why  string
		OIDC *issuerAnswer
	}{why, d.issuer()})
}
