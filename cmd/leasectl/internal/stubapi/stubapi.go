// Package stubapi serves the lease API over HTTP from memory, for tests of what a client
// does: real JSON, watches, optimistic concurrency and Status errors, but no defaults, no
// validation and no controllers. Tests play those through Put and the hooks.
package stubapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Namespace is the one that the getter of a server names.
const Namespace = "default"

// The resources by their names in paths.
const (
	Leases  = "containerleases"
	Classes = "leaseclasses"
	Records = "billingrecords"
)

var kinds = map[string]string{Leases: "ContainerLease", Classes: "LeaseClass", Records: "BillingRecord"}

// Server is an API server in memory. Hooks must be set before the first request.
type Server struct {
	// OnWatch is called once a watch has sent what there is, in a goroutine of its own.
	OnWatch func()
	// BeforePatch is called before a patch is applied.
	BeforePatch func(name string)
	// Log answers requests for the output of a lease.
	Log http.HandlerFunc

	http    *httptest.Server
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	version int
	objects map[string]*unstructured.Unstructured // by resource/namespace/name
	history []event
}

// New starts a server that the test's end stops.
func New(t *testing.T) *Server {
	s := &Server{changed: make(chan struct{}), objects: map[string]*unstructured.Unstructured{}}
	mux := http.NewServeMux()
	const group = "/apis/" + v1alpha1.GroupName + "/v1alpha1"
	mux.HandleFunc("GET "+group+"/{resource}", s.list)
	mux.HandleFunc("GET "+group+"/namespaces/{namespace}/{resource}", s.list)
	mux.HandleFunc("POST "+group+"/namespaces/{namespace}/{resource}", s.create)
	mux.HandleFunc("GET "+group+"/namespaces/{namespace}/{resource}/{name}", s.get)
	mux.HandleFunc("PATCH "+group+"/namespaces/{namespace}/{resource}/{name}", s.patch)
	mux.HandleFunc("GET "+group+"/namespaces/{namespace}/{resource}/{name}/log", func(w http.ResponseWriter, r *http.Request) {
		s.Log(w, r)
	})
	s.http = httptest.NewServer(mux)
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.http.Close()
	})
	return s
}

// Getter leads clients to the server.
func (s *Server) Getter() genericclioptions.RESTClientGetter {
	flags := genericclioptions.NewConfigFlags(false)
	namespace := Namespace
	flags.APIServer, flags.Namespace = &s.http.URL, &namespace
	return flags
}

// Put creates or replaces an object, as a controller or another user would.
func (s *Server) Put(t *testing.T, resource string, object metav1.Object) {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatalf("converting %T: %v", object, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(resource, &unstructured.Unstructured{Object: content})
}

// Lease returns a lease as it is stored.
func (s *Server) Lease(t *testing.T, name string) *v1alpha1.ContainerLease {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	lease := &v1alpha1.ContainerLease{}
	object, ok := s.objects[key(Leases, Namespace, name)]
	if !ok {
		t.Fatalf("no lease %q on the server", name)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, lease); err != nil {
		t.Fatalf("converting lease %q: %v", name, err)
	}
	return lease
}

// Remove deletes an object at once.
func (s *Server) Remove(resource, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	object := s.objects[key(resource, Namespace, name)]
	delete(s.objects, key(resource, Namespace, name))
	s.record(resource, "DELETED", object.DeepCopy())
}

func key(resource, namespace, name string) string { return resource + "/" + namespace + "/" + name }

// store keeps object, which must not be changed afterwards, as the newest version. It is
// called with mu held.
func (s *Server) store(resource string, object *unstructured.Unstructured) {
	object.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kinds[resource]))
	at := key(resource, object.GetNamespace(), object.GetName())
	kind := "ADDED"
	if old, exists := s.objects[at]; exists {
		kind = "MODIFIED"
		object.SetUID(old.GetUID())
	} else if object.GetUID() == "" {
		object.SetUID(types.UID("uid-of-" + object.GetName()))
	}
	s.objects[at] = object
	s.record(resource, kind, object)
}

func (s *Server) record(resource, kind string, object *unstructured.Unstructured) {
	s.version++
	object.SetResourceVersion(strconv.Itoa(s.version))
	s.history = append(s.history, event{s.version, resource, kind, object})
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	object := &unstructured.Unstructured{}
	if err := json.NewDecoder(r.Body).Decode(&object.Object); err != nil {
		fail(w, apierrors.NewBadRequest(err.Error()))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if object.GetName() == "" {
		object.SetName(object.GetGenerateName() + "x7k2p")
	}
	object.SetNamespace(r.PathValue("namespace"))
	if _, exists := s.objects[key(r.PathValue("resource"), object.GetNamespace(), object.GetName())]; exists {
		fail(w, apierrors.NewAlreadyExists(v1alpha1.Resource(r.PathValue("resource")), object.GetName()))
		return
	}
	if r.URL.Query().Get("dryRun") == "" {
		s.store(r.PathValue("resource"), object)
	}
	answer(w, http.StatusCreated, object)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if object, ok := s.find(w, r); ok {
		answer(w, http.StatusOK, object)
	}
}

// find answers NotFound itself. It is called with mu held.
func (s *Server) find(w http.ResponseWriter, r *http.Request) (*unstructured.Unstructured, bool) {
	resource, name := r.PathValue("resource"), r.PathValue("name")
	object, ok := s.objects[key(resource, r.PathValue("namespace"), name)]
	if !ok {
		fail(w, apierrors.NewNotFound(v1alpha1.Resource(resource), name))
	}
	return object, ok
}

func (s *Server) patch(w http.ResponseWriter, r *http.Request) {
	if s.BeforePatch != nil {
		s.BeforePatch(r.PathValue("name"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	current, ok := s.find(w, r)
	if !ok {
		return
	}
	patched, err := merge(current, r)
	switch {
	case err != nil:
		fail(w, apierrors.NewBadRequest(err.Error()))
	case patched.GetResourceVersion() != current.GetResourceVersion():
		fail(w, apierrors.NewConflict(v1alpha1.Resource(r.PathValue("resource")), current.GetName(), errors.New("the object has been modified")))
	default:
		s.store(r.PathValue("resource"), patched)
		answer(w, http.StatusOK, patched)
	}
}

func merge(current *unstructured.Unstructured, r *http.Request) (*unstructured.Unstructured, error) {
	if format := r.Header.Get("Content-Type"); format != string(types.MergePatchType) {
		return nil, fmt.Errorf("unexpected patch of type %q", format)
	}
	var patch json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&patch); err != nil {
		return nil, err
	}
	document, err := json.Marshal(current.Object)
	if err != nil {
		return nil, err
	}
	merged, err := jsonpatch.MergePatch(document, patch)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, json.Unmarshal(merged, &object.Object)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") == "true" {
		s.watch(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(),
		"kind":       kinds[r.PathValue("resource")] + "List",
		"metadata":   map[string]any{"resourceVersion": strconv.Itoa(s.version)},
		"items":      s.selected(r),
	})
}

// selected returns the present objects that a request asks for. It is called with mu held.
func (s *Server) selected(r *http.Request) []*unstructured.Unstructured {
	objects := []*unstructured.Unstructured{}
	for _, at := range slices.Sorted(maps.Keys(s.objects)) {
		resource, _, _ := strings.Cut(at, "/")
		if object := s.objects[at]; (event{resource: resource, object: object}).asked(r) {
			objects = append(objects, object)
		}
	}
	return objects
}

// answer writes a value as JSON; with code 0 it goes on with what was begun.
func answer(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	if code != 0 {
		w.WriteHeader(code)
	}
	// A client that is gone is no concern of the server's.
	_ = json.NewEncoder(w).Encode(value)
}

func fail(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	answer(w, int(status.Code), status)
}
