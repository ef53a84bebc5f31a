package issuertest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// ClientID is the only client that the issuer knows, and the audience of its tokens.
const ClientID = "containerlease"

// codeFlow is the authorization code flow with PKCE, which the issuer insists on.
type codeFlow struct {
	mu           sync.Mutex
	user         map[string]any // nil declines
	secret       string
	secretInBody bool
	redirectURIs []string
	codes        map[string]grant
	intercept    http.HandlerFunc
	authorized   int
}

// grant is what a code stands for.
type grant struct {
	claims                        map[string]any
	nonce, challenge, redirectURI string
}

// Register tells the issuer of its client: where browsers may be sent back to, and the secret that it
// proves itself by, "" for a public client.
func (i *Issuer) Register(secret string, redirectURIs ...string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.secret, i.redirectURIs = secret, redirectURIs
}

// TakeSecretInBody has the client send its secret as issuers do that don't take the Authorization
// header.
func (i *Issuer) TakeSecretInBody() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.secretInBody = true
}

// authMethods are how the client may prove itself, as discovery names them; nil for the default.
func (i *Issuer) authMethods() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.secretInBody {
		return []string{"client_secret_post"}
	}
	return nil
}

// SignInAs says who is signed in at the issuer in every browser, and sent back without further
// ado. The claims are in the ID token, instead of its own of the same names. Nil declines.
func (i *Issuer) SignInAs(claims map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.user = claims
}

// InterceptTokens answers requests to the token endpoint by something else; nil ends that.
func (i *Issuer) InterceptTokens(handler http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.intercept = handler
}

// Authorized is how many browsers have been sent here.
func (i *Issuer) Authorized() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.authorized
}

// authorize sends a browser back with a code. Who asks wrongly gets no redirect, which would go to nobody
// knows where.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.authorized++
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case err != nil || !slices.Contains(i.redirectURIs, q.Get("redirect_uri")):
		http.Error(w, "redirect_uri is not registered: "+q.Get("redirect_uri"), http.StatusBadRequest)
		return
	case q.Get("client_id") != ClientID, q.Get("response_type") != "code", q.Get("state") == "", q.Get("nonce") == "",
		q.Get("code_challenge_method") != "S256", q.Get("code_challenge") == "",
		!slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		http.Error(w, "not a request of this flow: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if i.user == nil {
		answer.Set("error", "access_denied")
		answer.Set("error_description", "the user said no")
	} else {
		code := rand.Text()
		if i.codes == nil {
			i.codes = map[string]grant{}
		}
		i.codes[code] = grant{maps.Clone(i.user), q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token trades a code, once.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	intercept, secret, inBody := i.intercept, i.secret, i.secretInBody
	i.mu.Unlock()
	if intercept != nil {
		intercept(w, r)
		return
	}
	if id, password, basic := clientOf(r); id != ClientID || password != secret || basic && inBody {
		refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	i.mu.Lock()
	granted, ok := i.codes[r.PostFormValue("code")]
	delete(i.codes, r.PostFormValue("code"))
	i.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != granted.redirectURI ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != granted.challenge {
		refuse(w, http.StatusBadRequest, "invalid_grant")
		return
	}
	claims := map[string]any{"nonce": granted.nonce}
	maps.Copy(claims, granted.claims)
	idToken, err := sign(i.key, i.fill(claims))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	reply(w, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 3600, "id_token": idToken})
}

// clientOf is what the client says it is, in the header or in the body. In the header both are escaped
// (RFC 6749, section 2.3.1).
func clientOf(r *http.Request) (id, secret string, basic bool) {
	id, secret, basic = r.BasicAuth()
	if !basic {
		return r.PostFormValue("client_id"), r.PostFormValue("client_secret"), false
	}
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if idErr != nil || secretErr != nil {
		return "", "", true
	}
	return id, secret, true
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	reply(w, map[string]any{"error": code})
}
