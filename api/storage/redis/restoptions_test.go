package redis

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
)

func TestRESTOptions(t *testing.T) {
	s := openStore(t, testConfig())
	podsResource := schema.GroupResource{Group: "example.dev", Resource: "pods"}
	eventsResource := schema.GroupResource{Resource: "events"}
	getter := s.RESTOptionsGetter(RESTOptions{
		Codec:            podCodec(),
		PathPrefix:       "/registry",
		Uncached:         sets.New(eventsResource),
		ResourcePrefixes: map[schema.GroupResource]string{eventsResource: "/happenings"},
	})
	tests := map[string]struct {
		resource schema.GroupResource
		prefix   string
		cached   bool
	}{
		"Cached":   {podsResource, "/example.dev/pods", true},
		"Uncached": {eventsResource, "/happenings", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			options, err := getter.GetRESTOptions(test.resource, &example.Pod{})
			if err != nil {
				t.Fatal(err)
			}
			if options.ResourcePrefix != test.prefix {
				t.Errorf("kept under %s, want %s", options.ResourcePrefix, test.prefix)
			}
			keyFunc := func(obj runtime.Object) (string, error) { return storage.NamespaceKeyFunc(test.prefix+"/", obj) }
			store, destroy, err := options.Decorator(options.StorageConfig, options.ResourcePrefix, keyFunc, newPod, newPodList, podAttributes, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer destroy()
			if _, cached := store.(availableReads); cached != test.cached {
				t.Errorf("got a %T, want a cache: %v", store, test.cached)
			}
			key := test.prefix + "/ns/a"
			if err := store.Create(t.Context(), key, pod("a"), nil, 0); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is ready", func() bool { return store.ReadinessCheck() == nil })
			list := &example.PodList{}
			if err := store.GetList(t.Context(), test.prefix, storage.ListOptions{Predicate: storage.Everything, Recursive: true}, list); err != nil {
				t.Fatal(err)
			}
			if len(list.Items) != 1 {
				t.Errorf("got %d items, want one", len(list.Items))
			}
			if stored, err := s.client.HGet(t.Context(), s.keys.data, "/registry"+key).Result(); err != nil || stored == "" {
				t.Errorf("it is not stored under its key: %q, %v", stored, err)
			}
		})
	}
	if _, err := s.RESTOptionsGetter(RESTOptions{}).GetRESTOptions(podsResource, nil); err == nil {
		t.Error("a missing codec was accepted")
	}
}
