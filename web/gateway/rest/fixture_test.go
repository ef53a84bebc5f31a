package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/reconciler/driver/fake"
	"github.com/containerlease/containerlease/web/gateway"
	"github.com/containerlease/containerlease/web/gateway/gatewaytest"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi/openapitest"
)

// fixture is the whole server; each exchange with it is held against the document.
type fixture struct {
	*gatewaytest.Fixture
	t testing.TB
}

// start starts a server whose class has the bounds that a new server has. The command
// "true" ends at once, as it should.
func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{gatewaytest.New(t, gatewaytest.Options{
		// How many requests a second are too many is the door's business, and tested there.
		Gateway: func(c *gateway.Config) { c.Door.Rate, c.Door.Burst = 1<<20, 1<<20 },
	}), t}
	f.Engine.SetProgram("true", fake.Program{Exits: true})
	f.Engine.SetProgram("false", fake.Program{Exits: true, ExitCode: 3})
	f.changeClass(func(class *v1alpha1.LeaseClass) {
		class.Spec.TTL.Min, class.Spec.CPU.Min, class.Spec.Memory.Min = "5m", resource.MustParse("250m"), resource.MustParse("256Mi")
	})
	return f
}

// in returns the fixture for a subtest.
func (f *fixture) in(t testing.TB) *fixture { return &fixture{f.Fixture, t} }

func (f *fixture) changeClass(change func(*v1alpha1.LeaseClass)) {
	f.t.Helper()
	var class v1alpha1.LeaseClass
	if err := f.Admin.Get(f.t.Context(), client.ObjectKey{Name: "standard"}, &class); err != nil {
		f.t.Fatal(err)
	}
	change(&class)
	if err := f.Admin.Update(f.t.Context(), &class); err != nil {
		f.t.Fatal(err)
	}
}

// do sends a request and holds the exchange against the document.
func (f *fixture) do(method, target, credential, body string, change ...func(*http.Request)) gatewaytest.Answer {
	f.t.Helper()
	answer := f.Do(method, target, credential, body, change...)
	if err := openapitest.Check(answer.Request, []byte(body), answer.Response, []byte(answer.Text)); err != nil {
		f.t.Error(err)
	}
	if answer.StatusCode == http.StatusInternalServerError {
		f.t.Errorf("%s %s: got 500: %v", method, target, f.Log.Lines("request failed"))
	}
	if answer.Header.Get("X-Request-ID") == "" {
		f.t.Errorf("%s %s: no X-Request-ID", method, target)
	}
	return answer
}

// as decodes an answer that must have a status.
func as[T any](f *fixture, answer gatewaytest.Answer, status int) T {
	f.t.Helper()
	if answer.StatusCode != status {
		f.t.Fatalf("%s %s: got %d %s, want %d", answer.Request.Method, answer.Request.URL, answer.StatusCode, answer.Text, status)
	}
	var model T
	f.JSON(answer, &model)
	return model
}

// refused checks that an answer is a problem of a kind, and returns it.
func refused(f *fixture, answer gatewaytest.Answer, kind problem.Problem) problem.Problem {
	f.t.Helper()
	p := as[problem.Problem](f, answer, kind.Status)
	if p.Type != kind.Type || p.Status != kind.Status || answer.Header.Get("Content-Type") != problem.MediaType {
		f.t.Errorf("%s %s: got %s %+v, want %s", answer.Request.Method, answer.Request.URL, answer.Header.Get("Content-Type"), p, kind.Type)
	}
	if p.RequestID != answer.Header.Get("X-Request-ID") {
		f.t.Errorf("the problem is of request %s, not %s", p.RequestID, answer.Header.Get("X-Request-ID"))
	}
	return p
}

// fields are the names of the wrong fields, joined.
func fields(p problem.Problem) string {
	var names []string
	for _, field := range p.Errors {
		names = append(names, field.Field)
	}
	return strings.Join(names, " ")
}

func (f *fixture) provision(credential, query, body string, change ...func(*http.Request)) openapi.Provisioned {
	f.t.Helper()
	return as[openapi.Provisioned](f, f.do(http.MethodPost, "/api/provision"+query, credential, body, change...), http.StatusCreated)
}

func (f *fixture) container(credential, id string) openapi.Container {
	f.t.Helper()
	return as[openapi.Container](f, f.do(http.MethodGet, "/api/containers/"+id, credential, ""), http.StatusOK)
}

// awaitContainer reads a container until it is as wanted.
func (f *fixture) awaitContainer(credential, id, what string, wanted func(openapi.Container) bool) openapi.Container {
	f.t.Helper()
	var c openapi.Container
	f.Await(what, func() bool {
		c = f.container(credential, id)
		return wanted(c)
	})
	return c
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}
