package gateway_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/server/issuers/issuertest"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/door/openid"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
	"github.com/containerlease/containerlease/web/gateway/requestid"
)

// identity is one of those whom TestAccess tries every route as.
type identity struct{ name, credential string }

func identities(p gatewaytest.People) []identity {
	return []identity{
		{"Admin", p.Admin}, {"Owner", p.Owner}, {"Other", p.Other}, {"Viewer", p.Viewer},
		{"Anonymous", gatewaytest.Anonymous}, {"Expired", p.Expired}, {"Revoked", p.Revoked},
	}
}

// expectation is the status for each of identities, in their order.
type expectation [7]int

var (
	public   = expectation{200, 200, 200, 200, 200, 200, 200}
	signedIn = expectation{200, 200, 200, 200, 401, 401, 401}
	created  = expectation{201, 201, 201, 201, 401, 401, 401}
	// What is the owner's: others don't learn that it exists, viewers see it and change nothing.
	readable = expectation{200, 200, 404, 200, 401, 401, 401}
	writable = expectation{200, 200, 404, 403, 401, 401, 401}
)

// access is a row: a route, a request on it, and who is answered what.
type access struct {
	route  string // as "METHOD pattern"
	target string // {uid} and {container} stand for the owner's lease
	body   string
	want   expectation
	// owners must be in the answer of whoever may see the owner's things, and of nobody else.
	owners string
	// fresh gives each identity a lease of the owner's to end.
	fresh bool
}

const (
	leasesOfAlice = "/apis/containerlease.dev/v1alpha1/namespaces/alice/containerleases"
	manifest      = `{"apiVersion":"containerlease.dev/v1alpha1","kind":"ContainerLease","metadata":{"name":"demo2"},"spec":{"image":"alpine"}}`
)

const order = `{"imageType":"alpine","durationMinutes":5}`

var accesses = []access{
	{route: "GET /", target: "/", want: public},
	{route: "HEAD /", target: "/", want: public},
	{route: "GET /healthz", target: "/healthz", want: public},
	{route: "HEAD /healthz", target: "/healthz", want: public},
	{route: "GET /healthz/*", target: "/healthz/ping", want: public},
	{route: "HEAD /healthz/*", target: "/healthz/ping", want: public},
	{route: "GET /readyz", target: "/readyz", want: public},
	{route: "HEAD /readyz", target: "/readyz", want: public},
	{route: "GET /readyz/*", target: "/readyz/ping", want: public},
	{route: "HEAD /readyz/*", target: "/readyz/ping", want: public},
	{route: "GET /metrics", target: "/metrics", want: public}, // from this machine
	{route: "GET /api/openapi.yaml", target: "/api/openapi.yaml", want: public},
	{route: "GET /api/openapi.json", target: "/api/openapi.json", want: public},

	{route: "GET /signin", target: "/signin", want: expectation{401, 401, 401, 401, 401, 401, 401}},
	{route: "HEAD /signin", target: "/signin", want: expectation{204, 204, 204, 204, 204, 204, 204}},
	{route: "GET /signin/oidc", target: "/signin/oidc", want: expectation{303, 303, 303, 303, 303, 303, 303}},
	{route: "HEAD /signin/oidc", target: "/signin/oidc", want: expectation{204, 204, 204, 204, 204, 204, 204}},
	{route: "GET /signin/oidc/callback", target: "/signin/oidc/callback", want: expectation{401, 401, 401, 401, 401, 401, 401}},
	{route: "HEAD /signin/oidc/callback", target: "/signin/oidc/callback", want: expectation{204, 204, 204, 204, 204, 204, 204}},
	{route: "GET /api/signin", target: "/api/signin", want: public},
	{route: "POST /api/session", target: "/api/session", want: created},
	{route: "GET /api/session", target: "/api/session", want: signedIn},
	{route: "DELETE /api/session", target: "/api/session", want: signedIn},
	{route: "POST /api/tickets", target: "/api/tickets", want: created},

	{route: "POST /api/provision", target: "/api/provision?wait=0", body: order, want: expectation{202, 202, 202, 403, 401, 401, 401}},
	{route: "POST /api/provision", target: "/api/provision?wait=0&namespace=alice", body: order, want: expectation{202, 202, 404, 403, 401, 401, 401}},
	{route: "GET /api/containers", target: "/api/containers", want: signedIn, owners: "{uid}"},
	{route: "GET /api/containers", target: "/api/containers?namespace=alice", want: readable, owners: "{uid}"},
	{route: "GET /api/containers/{id}", target: "/api/containers/{uid}", want: readable, owners: "{container}"},
	{route: "GET /api/containers/{id}", target: "/api/containers/{container}", want: readable, owners: "{uid}"},
	{route: "PATCH /api/containers/{id}", target: "/api/containers/{uid}", body: `{"durationMinutes":60}`, want: writable, owners: "{container}"},
	{route: "PATCH /api/containers/{id}", target: "/api/containers/{container}", body: `{"cpuMilli":250}`, want: writable, owners: "{uid}"},
	{route: "DELETE /api/containers/{id}", target: "/api/containers/{uid}", want: writable, fresh: true},
	{route: "DELETE /api/containers/{id}", target: "/api/containers/{container}", want: writable, fresh: true},
	{route: "GET /api/images", target: "/api/images", want: signedIn},
	{route: "POST /api/estimate", target: "/api/estimate", body: `{"durationMinutes":30}`, want: signedIn},
	{route: "GET /api/billing", target: "/api/billing", want: signedIn, owners: "{billed}"},
	{route: "GET /api/billing", target: "/api/billing?namespace=alice", want: readable, owners: "{billed}"},
	{route: "GET /api/events", target: "/api/events", want: signedIn, owners: "{uid}"},
	{route: "GET /api/events", target: "/api/events?namespace=alice", want: readable, owners: "{uid}"},
	{route: "GET /api/events", target: "/api/events?container={uid}", want: readable, owners: "{uid}"},

	// The API at the gateway speaks for itself: what is another's is forbidden there, and not unknown.
	{route: "GET /apis/*", target: leasesOfAlice, want: expectation{200, 200, 403, 200, 401, 401, 401}, owners: "{uid}"},
	{route: "GET /apis/*", target: "/apis/containerlease.dev/v1alpha1/containerleases", want: expectation{200, 403, 403, 403, 401, 401, 401}},
	{route: "GET /apis/*", target: "/apis/containerlease.dev/v1alpha1/leaseclasses", want: signedIn},
	{route: "POST /apis/*", target: leasesOfAlice + "?dryRun=All", body: manifest, want: expectation{201, 201, 403, 403, 401, 401, 401}},
	{route: "PUT /apis/*", target: leasesOfAlice + "/demo", body: manifest, want: expectation{400, 400, 403, 403, 401, 401, 401}},
	{route: "PATCH /apis/*", target: leasesOfAlice + "/demo", body: `{}`, want: expectation{415, 415, 403, 403, 401, 401, 401}},
	{route: "DELETE /apis/*", target: leasesOfAlice + "/nothing", want: expectation{404, 404, 403, 403, 401, 401, 401}},

	{route: "GET /ws/apis/*", target: "/ws" + leasesOfAlice + "?watch=true", want: expectation{101, 101, 403, 101, 401, 401, 401}},
	{route: "GET /ws/logs/{id}", target: "/ws/logs/{uid}", want: expectation{101, 101, 404, 101, 401, 401, 401}},
	{route: "GET /ws/logs/{id}", target: "/ws/logs/{container}", want: expectation{101, 101, 404, 101, 401, 401, 401}},
}

// TestAccess tries every route, verb and stream as everybody.
func TestAccess(t *testing.T) {
	var apiLog gatewaytest.Log
	issuer := issuertest.New(t)
	client, err := openid.New(openid.Config{Issuer: issuer.URL, CertificateAuthority: issuer.CA, ClientID: issuertest.ClientID})
	if err != nil {
		t.Fatal(err)
	}
	f := gatewaytest.New(t, gatewaytest.Options{
		Gateway: func(c *gateway.Config) {
			c.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			c.Door.OpenID = client
		},
		API: func(c *server.Config) { c.Logger = apiLog.Logger() },
	})
	lease := f.Run(gatewaytest.OwnerUser, "demo")
	billed := end(f, "billed")
	everybody := identities(f.People)
	var refused []string // the request IDs
	for n, row := range accesses {
		for i, who := range everybody {
			id := fmt.Sprintf("access-%d-%s", n, who.name)
			if row.want[i] >= 400 {
				refused = append(refused, id)
			}
			t.Run(row.route+"/"+strings.TrimPrefix(row.target, "/")+"/"+who.name, func(t *testing.T) {
				mine := lease
				if row.fresh {
					mine = f.Run(gatewaytest.OwnerUser, fmt.Sprintf("fresh-%d-%s", len(row.target), strings.ToLower(who.name)))
				}
				names := strings.NewReplacer("{uid}", string(mine.UID), "{container}", mine.Status.Container.ID, "{billed}", string(billed.UID))
				method, pattern, _ := strings.Cut(row.route, " ")
				if strings.HasPrefix(pattern, "/ws/") {
					header := http.Header{requestid.Header: {id}}
					if who.credential != "" {
						header.Set("Authorization", "Bearer "+who.credential)
					}
					if got := f.Dial(names.Replace(row.target), header); got != row.want[i] {
						t.Errorf("got %d, want %d", got, row.want[i])
					}
					return
				}
				got := f.Do(method, names.Replace(row.target), who.credential, row.body,
					func(r *http.Request) { r.Header.Set(requestid.Header, id) })
				if got.StatusCode != row.want[i] {
					t.Errorf("got %d %s, want %d", got.StatusCode, got.Text, row.want[i])
				}
				seesOwners := slices.Contains([]string{"Admin", "Owner", "Viewer"}, who.name)
				if row.owners != "" && got.StatusCode < 300 && strings.Contains(got.Text, names.Replace(row.owners)) != seesOwners {
					t.Errorf("the answer must hold %s: %t; it is %s", names.Replace(row.owners), seesOwners, got.Text)
				}
			})
		}
	}
	if now := f.Lease(lease.Namespace, lease.Name); now.Spec.TTL != "1h0m0s" && now.Spec.TTL != "1h" {
		t.Errorf("the owner's change was not kept: %+v", now.Spec)
	}
	auditedOnce(t, f, &apiLog, refused)
}

// auditedOnce checks that each request left one audit line: the door's, or the API's if that was asked.
func auditedOnce(t *testing.T, f *gatewaytest.Fixture, apiLog *gatewaytest.Log, refused []string) {
	t.Helper()
	lines := map[any]int{}
	f.Await("an audit line for each refusal", func() bool {
		clear(lines)
		for _, line := range append(f.Log.Lines("audit"), apiLog.Lines("audit")...) {
			lines[line["requestID"]]++
		}
		return !slices.ContainsFunc(refused, func(id string) bool { return lines[id] == 0 })
	})
	for _, id := range refused {
		if lines[id] != 1 {
			t.Errorf("%s left %d audit lines", id, lines[id])
		}
	}
}

// end runs a lease of the owner's to its bill.
func end(f *gatewaytest.Fixture, name string) *v1alpha1.ContainerLease {
	lease := f.Run(gatewaytest.OwnerUser, name)
	f.Engine.Exit(string(lease.UID), 0)
	return f.AwaitLease(lease.Namespace, lease.Name, "the lease is billed", func(l *v1alpha1.ContainerLease) bool {
		return l.Status.Phase == v1alpha1.LeaseFinished && l.Status.Cost != nil && l.Status.Cost.Final != ""
	})
}

// TestEveryRouteHasARow, so that nobody adds one without saying who may use it; and every other
// verb on its path is refused.
func TestEveryRouteHasARow(t *testing.T) {
	var log gatewaytest.Log
	g := newGateway(t, &log, func(c *gateway.Config) { c.Metrics = http.NotFoundHandler() })
	rows := map[string]bool{}
	for _, row := range accesses {
		rows[row.route] = true
	}
	served := map[string][]string{}
	if err := chi.Walk(g.Routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served[route] = append(served[route], method)
		if !rows[method+" "+route] {
			t.Errorf("%s %s has no row", method, route)
		}
		delete(rows, method+" "+route)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for route := range rows {
		t.Errorf("%s has a row, and is not served", route)
	}
	for route, methods := range served {
		target := strings.NewReplacer("{id}", "x", "*", "x").Replace(route)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"} {
			if slices.Contains(methods, method) {
				continue
			}
			w := serve(g, method, target)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
				t.Errorf("%s %s: got %d, Allow %q", method, target, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}
