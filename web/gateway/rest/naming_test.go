package rest

import (
	"context"
	"regexp"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// crowded is an API in which the first names that are tried are taken.
type crowded struct {
	client.WithWatch
	taken int
	tried []string
}

func (c *crowded) Create(_ context.Context, obj client.Object, _ ...client.CreateOption) error {
	c.tried = append(c.tried, obj.GetName())
	if len(c.tried) <= c.taken {
		return apierrors.NewAlreadyExists(v1alpha1.Resource("containerleases"), obj.GetName())
	}
	return nil
}

func TestCreateMakesUpNames(t *testing.T) {
	madeUp := regexp.MustCompile(`^ubuntu-[a-z0-9]{5}$`)
	for name, tc := range map[string]struct {
		name         string
		taken, tries int
		refused      bool
	}{
		"AtOnce":       {taken: 0, tries: 1},
		"Taken":        {taken: 2, tries: 3},
		"AllTaken":     {taken: 100, tries: nameAttempts, refused: true},
		"OwnName":      {name: "mine", tries: 1},
		"OwnNameTaken": {name: "mine", taken: 1, tries: 1, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			api := &crowded{taken: tc.taken}
			h := &Handler{api: api}
			lease := &v1alpha1.ContainerLease{
				ObjectMeta: metav1.ObjectMeta{Name: tc.name},
				Spec:       v1alpha1.ContainerLeaseSpec{Image: "team/ubuntu:22.04"},
			}
			err := h.create(t.Context(), lease)
			if apierrors.IsAlreadyExists(err) != tc.refused || (err != nil) != tc.refused {
				t.Errorf("got %v", err)
			}
			if len(api.tried) != tc.tries || len(slices.Compact(slices.Sorted(slices.Values(api.tried)))) != tc.tries {
				t.Errorf("tried %q, want %d different names", api.tried, tc.tries)
			}
			for _, tried := range api.tried {
				if tried != tc.name && !madeUp.MatchString(tried) {
					t.Errorf("tried %q", tried)
				}
			}
		})
	}
}
