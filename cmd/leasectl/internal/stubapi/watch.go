package stubapi

import (
	"net/http"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// event is a change of an object, as a watch sends it.
type event struct {
	version  int
	resource string
	kind     string // ADDED, MODIFIED or DELETED
	object   *unstructured.Unstructured
}

// asked says whether a request for a list or a watch is about the event's object.
func (e event) asked(r *http.Request) bool {
	namespace := r.PathValue("namespace")
	name, named := strings.CutPrefix(r.URL.Query().Get("fieldSelector"), "metadata.name=")
	return e.resource == r.PathValue("resource") &&
		(namespace == "" || e.object.GetNamespace() == namespace) &&
		(!named || e.object.GetName() == name)
}

// DropWatches ends all watches, as a server that restarts does.
func (s *Server) DropWatches() { s.http.CloseClientConnections() }

func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	seen, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	send := func(kind string, object any) {
		answer(w, 0, map[string]any{"type": kind, "object": object})
	}
	s.mu.Lock()
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		for _, object := range s.selected(r) {
			send("ADDED", object)
		}
		seen = s.version
		send("BOOKMARK", map[string]any{
			"apiVersion": v1alpha1.SchemeGroupVersion.String(),
			"kind":       kinds[r.PathValue("resource")],
			"metadata": map[string]any{
				"resourceVersion": strconv.Itoa(seen),
				"annotations":     map[string]any{metav1.InitialEventsAnnotationKey: "true"},
			},
		})
	}
	s.mu.Unlock()
	if s.OnWatch != nil {
		go s.OnWatch()
	}
	for {
		s.mu.Lock()
		for _, e := range s.history {
			if e.version > seen && e.asked(r) {
				send(e.kind, e.object)
			}
		}
		seen = s.version
		changed := s.changed
		s.mu.Unlock()
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}
