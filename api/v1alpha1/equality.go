package v1alpha1

import (
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// The API server compares old and new objects with apiequality.Semantic, before they
// are validated. It panics at the unexported fields of a time.Time unless it is told
// how to compare what holds one, and it would compare quantities by arithmetic, which
// never ends for exponents that only an attacker writes.
func init() {
	utilruntime.Must(apiequality.Semantic.AddFuncs(
		func(t, u Timestamp) bool { return t.Time.Equal(u.Time) },
		func(a, b resource.Quantity) bool {
			if !IsComparable(a) || !IsComparable(b) {
				return a.String() == b.String()
			}
			return a.Cmp(b) == 0
		},
	))
}
