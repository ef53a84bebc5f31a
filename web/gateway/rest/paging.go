package rest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/web/gateway/problem"
)

// maxChunks bounds how much of a long list is read for one answer where hardly anything of it
// matches.
const maxChunks = 20

// cursor is where an answer ended: in a namespace, at a place that the API knows. It is the
// `continue` of an answer, for nobody else to read. Nil is the end of the list.
type cursor struct {
	Namespace string `json:"n"`
	Continue  string `json:"c,omitempty"`
}

func (c *cursor) String() string {
	if c == nil {
		return ""
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return "" // two strings can always be encoded
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

func parseCursor(s string) (cursor, error) {
	var c cursor
	decoded, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(decoded, &c)
	}
	return c, err
}

// listing is a list over the namespaces of a scope, in pieces.
type listing struct {
	scope []string
	from  cursor
	limit int64
	// resumed says that from was given, so that an error of the API may be its fault.
	resumed bool
}

// listing reads the parameters that all lists have.
func (q *query) listing(scope []string) listing {
	l := listing{scope: scope, limit: q.limit()}
	if given := q.one("continue"); given != "" {
		var err error
		if l.from, err = parseCursor(given); err != nil || !slices.Contains(scope, l.from.Namespace) {
			q.refuse("?continue", "is none that the answer before gave for these parameters")
		}
		l.resumed = true
	} else if len(scope) > 0 {
		l.from.Namespace = scope[0]
	}
	return l
}

// list is a list of the API, of items of one kind.
type list[L any] interface {
	client.ObjectList
	*L
}

// read reads on until the limit is reached, calling take with each chunk. take says how many
// objects of the chunk count. It returns where to continue, nil at the end. An answer may hold
// fewer than limit even if more follows.
func read[L any, P list[L]](ctx context.Context, api client.Reader, l listing, take func(P) (int, error), opts ...client.ListOption) (*cursor, error) {
	at, left := l.from, l.limit
	rest := l.scope[max(slices.Index(l.scope, at.Namespace), 0):]
	for chunk := 0; len(rest) > 0; chunk++ {
		if left <= 0 || chunk == maxChunks {
			return &at, nil
		}
		page := P(new(L)) // what is absent from one would stay from the one before
		in := append(slices.Clone(opts), client.InNamespace(at.Namespace), client.Limit(left), client.Continue(at.Continue))
		if err := api.List(ctx, page, in...); err != nil {
			return nil, l.explained(err)
		}
		taken, err := take(page)
		if err != nil {
			return nil, err
		}
		left -= int64(taken)
		if at.Continue = page.GetContinue(); at.Continue != "" {
			if taken > 0 {
				return &at, nil
			}
			continue
		}
		if rest = rest[1:]; len(rest) > 0 {
			at.Namespace = rest[0]
		}
	}
	return nil, nil
}

// explained blames a place that the API can't make sense of.
func (l listing) explained(err error) error {
	p := problem.From(err)
	switch {
	case l.resumed && p.Type == problem.BadRequest.Type:
		return invalid(problem.FieldError{Field: "?continue", Message: "is none that the answer before gave"})
	case p.Type == problem.Gone.Type:
		return problem.Gone.With("the list has changed too much since ?continue was given: begin again without it")
	}
	return err
}
