package server

import (
	"fmt"
	"net/http"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
)

// maxArrivals is how many bodies of one user may be arriving at once. A body arrives in no time,
// unless somebody holds it back: dozens of programs of one user rarely meet.
const maxArrivals = 32

// arrivals counts the bodies that are still arriving. While one is, its request has one of the
// places that the library has for changes of all users together, so that nobody may hold
// more than a few by sending slowly.
type arrivals struct {
	mu     sync.Mutex
	ofUser map[string]int
}

func newArrivals() *arrivals { return &arrivals{ofUser: map[string]int{}} }

// begin is called before the body of a request is read, and the function it returns afterwards. It
// fails with an API error if too many of its user are being read.
func (a *arrivals) begin(req *http.Request) (arrived func(), err error) {
	name := ""
	if who, ok := genericapirequest.UserFrom(req.Context()); ok {
		name = who.GetName()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ofUser[name] >= maxArrivals {
		return nil, apierrors.NewTooManyRequests(fmt.Sprintf(
			"the bodies of %d requests of user %q are still arriving: send them faster, or fewer at once", maxArrivals, name), 1)
	}
	a.ofUser[name]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.ofUser[name]--; a.ofUser[name] == 0 {
			delete(a.ofUser, name)
		}
	}, nil
}
