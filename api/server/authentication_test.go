package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/tokens"
)

// known recognises tokens by a table.
type known map[string]*user.DefaultInfo

// AuthenticateToken implements authenticator.Token.
func (k known) AuthenticateToken(_ context.Context, token string) (*authenticator.Response, bool, error) {
	if token == "broken" {
		return nil, false, errors.New("the issuer is away")
	}
	who, ok := k[token]
	return &authenticator.Response{User: who}, ok, nil
}

// bearer is a configuration of the fixture's server with a token instead of a certificate.
func (f *fixture) bearer(t *testing.T, token string) *rest.Config {
	t.Helper()
	admin, err := clientcmd.BuildConfigFromFlags("", f.kubeconfig)
	must(t, err)
	config := rest.AnonymousClientConfig(admin)
	config.BearerToken = token
	return config
}

// TestBearerTokens: several recognisers make ordinary users, the same ones over HTTPS and
// by Authenticator; a wrong token is nobody anywhere.
func TestBearerTokens(t *testing.T) {
	f := start(t, startRedis(t), func(c *server.Config) {
		c.Tokens = []authenticator.Token{
			known{"alice": {Name: "alice", UID: "1", Groups: []string{"a"}, Extra: map[string][]string{"k": {"v"}}}},
			known{
				"boss":   {Name: "boss", Groups: []string{"system:masters", "b", "system:nodes"}},
				"system": {Name: "system:apiserver", Groups: []string{"a"}},
				"nobody": {},
			},
		}
	})
	for name, tc := range map[string]struct {
		token string
		want  *authenticationv1.UserInfo
	}{
		"User": {"alice", &authenticationv1.UserInfo{
			Username: "alice", UID: "1", Groups: []string{"a", "system:authenticated"},
			Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}},
		}},
		"Masters":  {"boss", &authenticationv1.UserInfo{Username: "boss", Groups: []string{"b", "system:authenticated"}}},
		"System":   {"system", nil},
		"Nameless": {"nobody", nil},
		"Broken":   {"broken", nil},
		"Wrong":    {"guess", nil},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := kubernetes.NewForConfig(f.bearer(t, tc.token))
			must(t, err)
			review, err := client.AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
			response, ok, authErr := f.Authenticator().AuthenticateToken(t.Context(), tc.token)
			if tc.want == nil {
				if status := statusOf(err); status != http.StatusUnauthorized || ok {
					t.Errorf("got %v (%d), and by Authenticator %v", err, status, ok)
				}
				return
			}
			if err != nil || !ok || authErr != nil {
				t.Fatalf("got %v; by Authenticator %v, %v", err, ok, authErr)
			}
			if diff := cmp.Diff(*tc.want, review.Status.UserInfo); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			same := user.DefaultInfo{Name: tc.want.Username, UID: tc.want.UID, Groups: tc.want.Groups}
			if got := response.User; got.GetName() != same.Name || got.GetUID() != same.UID || !cmp.Equal(got.GetGroups(), same.Groups) {
				t.Errorf("by Authenticator: %+v", got)
			}
		})
	}
	if _, ok, _ := f.Authenticator().AuthenticateToken(t.Context(), f.LoopbackConfig().BearerToken); ok {
		t.Error("Authenticator recognises the loopback's token")
	}
}

func statusOf(err error) int {
	var status interface{ Status() metav1.Status }
	if errors.As(err, &status) {
		return int(status.Status().Code)
	}
	return 0
}

// TestWrongCredentialIsNotNobody: what everybody may read is not for who brings a wrong token.
func TestWrongCredentialIsNotNobody(t *testing.T) {
	f := start(t, startRedis(t), nil)
	for token, want := range map[string]int{"": 200, "guess": 401} {
		client, err := rest.HTTPClientFor(f.bearer(t, token))
		must(t, err)
		for _, path := range []string{"/readyz", "/version"} {
			resp, err := client.Get(f.url + path)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s with token %q: %d, want %d", path, token, resp.StatusCode, want)
			}
		}
		client.CloseIdleConnections()
	}
}

// TestTokenStore: a token of the file is good at the API until somebody revokes it, to the
// very next request, on a connection that is open already.
func TestTokenStore(t *testing.T) {
	directory := t.TempDir()
	store, err := tokens.Open(directory, tokens.Options{})
	must(t, err)
	f := start(t, startRedis(t), func(c *server.Config) { c.Tokens = []authenticator.Token{store} })

	cli, err := tokens.Open(directory, tokens.Options{})
	must(t, err)
	grant := tokens.Grant{User: "alice", Groups: []string{"containerlease.dev:viewer:default"}}
	secret, entry, err := cli.Create(t.Context(), grant, time.Hour)
	must(t, err)
	link, _, err := cli.NewLink(t.Context(), grant, time.Hour)
	must(t, err)

	const own = "/apis/containerlease.dev/v1alpha1/namespaces/default/containerleases"
	const foreign = "/apis/containerlease.dev/v1alpha1/namespaces/other/containerleases"
	client, err := rest.HTTPClientFor(f.bearer(t, secret))
	must(t, err)
	defer client.CloseIdleConnections()
	get := func(path string) (int, metav1.Status) {
		t.Helper()
		resp, err := client.Get(f.url + path)
		must(t, err)
		defer resp.Body.Close()
		var status metav1.Status
		must(t, json.NewDecoder(resp.Body).Decode(&status))
		return resp.StatusCode, status
	}
	if code, status := get(own); code != 200 {
		t.Errorf("the own namespace: %d %s", code, status.Message)
	}
	if code, status := get(foreign); code != 403 || !strings.Contains(status.Message, "alice") {
		t.Errorf("another namespace: %d %s", code, status.Message)
	}
	_, err = cli.Revoke(t.Context(), entry.ID)
	must(t, err)
	if code, _ := get(own); code != 401 {
		t.Errorf("after it was revoked: %d", code)
	}
	byLink, err := kubernetes.NewForConfig(f.bearer(t, link))
	must(t, err)
	if _, err := byLink.Discovery().ServerGroups(); statusOf(err) != 401 {
		t.Errorf("a sign-in link as a token: %v", err)
	}
}

// TestStreamsEndWithTheirToken: a watch that has been open for a while ends when its token is
// revoked, however it was asked for; that of another goes on.
func TestStreamsEndWithTheirToken(t *testing.T) {
	directory := t.TempDir()
	store, err := tokens.Open(directory, tokens.Options{})
	must(t, err)
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	go store.Run(watching)
	f := start(t, startRedis(t), func(c *server.Config) {
		c.Tokens, c.TokensChanged = []authenticator.Token{store}, store.Changed
	})
	cli, err := tokens.Open(directory, tokens.Options{})
	must(t, err)
	open := func(user, path string) (tokens.Entry, <-chan error) {
		t.Helper()
		secret, entry, err := cli.Create(t.Context(), tokens.Grant{User: user, Groups: []string{"containerlease.dev:viewer:default"}}, time.Hour)
		must(t, err)
		client, err := rest.HTTPClientFor(f.bearer(t, secret))
		must(t, err)
		t.Cleanup(client.CloseIdleConnections)
		resp, err := client.Get(f.url + "/apis/containerlease.dev/v1alpha1/" + path)
		must(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("watching: %s", resp.Status)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, resp.Body)
			ended <- err
		}()
		return entry, ended
	}
	const leases = "namespaces/default/containerleases"
	_, bobs := open("bob", leases+"?watch=true")
	for _, path := range []string{leases + "?watch=true", leases + "?watch=", leases + "?watch", "watch/" + leases} {
		alice, alices := open("alice", path)
		_, err = cli.Revoke(t.Context(), alice.ID)
		must(t, err)
		select {
		case err := <-alices:
			t.Logf("%s ended: %v", path, err)
		case <-time.After(deadline):
			t.Fatalf("%s goes on without its token", path)
		}
	}
	select {
	case err := <-bobs:
		t.Errorf("another's watch has ended: %v", err)
	default:
	}
}
