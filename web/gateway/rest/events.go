package rest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/leases"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// eventChunk is how many events are read at once.
const eventChunk = 500

func (h *Handler) listEvents(w http.ResponseWriter, r *http.Request, who caller.Caller) error {
	q := readQuery(r)
	id, limit := q.one("container"), int(q.limit())
	namespaces, err := scope(who, q.one("namespace"))
	if err != nil {
		return err
	}
	if err := q.err(); err != nil {
		return err
	}
	about := client.MatchingFields{"regarding.kind": "ContainerLease"}
	var unknown error
	if id != "" {
		if about["regarding.uid"], unknown = h.uidOf(r.Context(), id); about["regarding.uid"] == "" {
			return unknown
		}
	}
	events, err := h.newestEvents(r.Context(), namespaces, about, limit)
	if err != nil {
		return err
	}
	if unknown != nil && len(events) == 0 {
		return unknown
	}
	return answer(w, http.StatusOK, openapi.EventList{Events: events})
}

// uidOf returns the UID of the lease with an ID. Events outlive their lease, so that of what
// is, or was, the ID of a lease that is gone it returns the UID as well as problem.NotFound.
func (h *Handler) uidOf(ctx context.Context, id string) (string, error) {
	lease, err := leases.Find(ctx, h.api, id)
	if err == nil {
		return string(lease.UID), nil
	}
	var p *problem.Problem
	if errors.As(err, &p) && p.Type == problem.NotFound.Type {
		if uid, notUID := uuid.Parse(id); notUID == nil && len(id) == len(uid.String()) {
			return uid.String(), err
		}
	}
	return "", err
}

// newestEvents reads all events, which are those of an hour, and keeps the newest.
func (h *Handler) newestEvents(ctx context.Context, namespaces []string, about client.MatchingFields, limit int) ([]openapi.Event, error) {
	newest := []openapi.Event{}
	for _, namespace := range namespaces {
		for next, more := "", true; more; more = next != "" {
			var page eventsv1.EventList
			err := h.api.List(ctx, &page, about, client.InNamespace(namespace), client.Limit(eventChunk), client.Continue(next))
			if err != nil {
				return nil, err
			}
			next = page.Continue
			for i := range page.Items {
				newest = append(newest, eventModel(&page.Items[i]))
			}
			slices.SortStableFunc(newest, func(a, b openapi.Event) int { return b.Time.Compare(a.Time) })
			newest = newest[:min(len(newest), limit)]
		}
	}
	return newest, nil
}

func eventModel(event *eventsv1.Event) openapi.Event {
	at, count := lastSeen(event)
	return openapi.Event{
		Time: at.UTC(), Count: count, Type: event.Type, Reason: event.Reason, Message: event.Note,
		LeaseID: string(event.Regarding.UID), ContainerName: event.Regarding.Name, Namespace: event.Namespace,
	}
}

// lastSeen is when an event happened last, and how often it did.
func lastSeen(event *eventsv1.Event) (time.Time, int32) {
	switch {
	case event.Series != nil:
		return event.Series.LastObservedTime.Time, event.Series.Count
	case !event.DeprecatedLastTimestamp.IsZero():
		return event.DeprecatedLastTimestamp.Time, max(event.DeprecatedCount, 1)
	case !event.EventTime.IsZero():
		return event.EventTime.Time, 1
	}
	return event.CreationTimestamp.Time, 1
}
