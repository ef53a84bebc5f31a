package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
)

// sessionCookie is the name of the cookie, followed by the port on plain HTTP; on HTTPS behind securePrefix, by which browsers make sure
// that nobody but this very host set it.
const (
	sessionCookie = "containerlease_session"
	securePrefix  = "__Host-"
)

// Routes adds /api/session, /api/tickets, and what there is to sign in by beside links. Identify must
// be in front.
func (d *Door) Routes(r chi.Router) {
	r.Post("/api/session", d.signIn)
	r.Get("/api/signin", d.showSignIn)
	r.Get(openIDPath, d.openIDRoute(d.startOpenID))
	r.Head(openIDPath, d.openIDRoute(d.startOpenID))
	r.Get(callbackPath, d.openIDRoute(d.finishOpenID))
	r.Head(callbackPath, d.openIDRoute(d.finishOpenID))
	r.Group(func(r chi.Router) {
		r.Use(d.Require)
		r.Get("/api/session", d.showSession)
		r.Delete("/api/session", d.signOut)
		r.Post("/api/tickets", d.createTicket)
	})
}

// sessionAnswer is the Session of the API's document.
type sessionAnswer struct {
	User       string     `json:"user"`
	Admin      bool       `json:"admin"`
	Namespace  string     `json:"namespace"`
	Namespaces []string   `json:"namespaces"`
	EditorOf   []string   `json:"editorOf"`
	ExpiresAt  *time.Time `json:"expiresAt"`
}

func describe(who caller.Identity) sessionAnswer {
	answer := sessionAnswer{User: who.User, Admin: who.Admin, Namespace: who.Namespace, Namespaces: []string{}, EditorOf: []string{}}
	answer.Namespaces = append(answer.Namespaces, who.Namespaces...)
	answer.EditorOf = append(answer.EditorOf, who.EditorOf...)
	if !who.Expires.IsZero() {
		expires := who.Expires.UTC()
		answer.ExpiresAt = &expires
	}
	return answer
}

// signIn is POST /api/session: it trades the token in the body for a session; without a body, the one
// in the Authorization header.
func (d *Door) signIn(w http.ResponseWriter, r *http.Request) {
	token, err := readToken(r)
	var who caller.Identity
	if err == nil {
		who, err = d.startSession(w, r, token)
	}
	switch {
	case errors.Is(err, caller.ErrUnauthenticated):
		d.refuse(w, r, problem.Unauthenticated.With("bring a token that is valid, as \"token\" in a JSON object or in the Authorization header"))
	case err != nil:
		problem.Write(w, r, err)
	default:
		answer(w, r, http.StatusCreated, describe(who))
	}
}

// startSession signs somebody in, and gives the browser its cookie. What is wrong with the token is a
// caller.ErrUnauthenticated.
func (d *Door) startSession(w http.ResponseWriter, r *http.Request, token string) (caller.Identity, error) {
	session, err := d.identities.SignIn(r.Context(), token)
	if err != nil {
		return caller.Identity{}, err
	}
	who, err := d.identities.Identify(r.Context(), session.Credential)
	if err != nil {
		return caller.Identity{}, err
	}
	d.setCookie(w, r, session)
	visitOf(r).User = who.User
	d.audit(r, "signin", http.StatusCreated, "")
	return who, nil
}

// showSession is GET /api/session.
func (d *Door) showSession(w http.ResponseWriter, r *http.Request) {
	who, _ := caller.From(r.Context())
	answer(w, r, http.StatusOK, describe(who.Identity))
}

// signOut is DELETE /api/session. A token stays good: it is revoked by whoever gave it.
func (d *Door) signOut(w http.ResponseWriter, r *http.Request) {
	who, _ := caller.From(r.Context())
	if err := d.identities.SignOut(r.Context(), who.Credential); err != nil {
		problem.Write(w, r, err)
		return
	}
	d.clearCookie(w, r)
	d.audit(r, "signout", http.StatusOK, "")
	answer(w, r, http.StatusOK, struct {
		Success bool `json:"success"`
	}{true})
}

// cookieName is the cookie that a request is to have. A plain one is not believed on HTTPS, where
// whoever is on the way to some other port or subdomain could have set it. On plain HTTP the port is in the
// name, as the client wrote it: browsers keep one jar for all ports of a host, and so for all servers on
// a machine.
func (d *Door) cookieName(r *http.Request) string { return d.nameHere(r, sessionCookie) }

// nameHere makes the name of a cookie of this host and port.
func (d *Door) nameHere(r *http.Request, name string) string {
	if d.secure(r) {
		return securePrefix + name
	}
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		// A number, since it becomes a part of a header.
		if number, err := strconv.ParseUint(port, 10, 16); err == nil && ":"+port != defaultPorts["http"] {
			return fmt.Sprintf("%s_%d", name, number)
		}
	}
	return name
}

func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, session caller.Session) {
	cookie := &http.Cookie{
		Name: d.cookieName(r), Value: session.Credential,
		Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: d.secure(r),
	}
	if !session.Expires.IsZero() {
		cookie.MaxAge = max(1, int(session.Expires.Sub(d.clock.Now()).Seconds()))
	}
	http.SetCookie(w, cookie)
}

func (d *Door) clearCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(r), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: d.secure(r), MaxAge: -1,
	})
}

// readToken reads {"token": …}, or the Authorization header if there is no body.
func readToken(r *http.Request) (string, error) {
	if r.Body == nil || r.Body == http.NoBody {
		if token, ok := bearer(r); ok {
			return token, nil
		}
		return "", fmt.Errorf("no token: %w", caller.ErrUnauthenticated)
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return "", problem.UnsupportedType.With(fmt.Sprintf("Content-Type: %q: must be application/json", r.Header.Get("Content-Type")))
	}
	var request struct {
		Token string `json:"token"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&request)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return "", problem.TooLarge.With(fmt.Sprintf("the body must have at most %d bytes", tooLarge.Limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", problem.Timeout.With("the body took too long to arrive")
	case err != nil:
		return "", problem.BadRequest.With(fmt.Sprintf(`the body must be {"token": "…"}: %v`, err))
	case strings.TrimSpace(request.Token) == "":
		return "", problem.Invalid.With("the token is missing", problem.FieldError{Field: "token", Message: "must not be empty"})
	}
	return strings.TrimSpace(request.Token), nil
}

// answer writes JSON.
func answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // nobody is left to tell
}
