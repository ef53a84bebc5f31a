package rest

import (
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

func (h *Handler) listBilling(w http.ResponseWriter, r *http.Request, who caller.Caller) error {
	w.Header().Set("Vary", "Accept")
	mediaType := negotiate(r.Header.Values("Accept"), "application/json", "text/csv")
	if mediaType == "" {
		return problem.NotAcceptable.With("bills can be had as application/json and as text/csv: ask for one of them by the header Accept")
	}
	q := readQuery(r)
	period := period{q.moment("since"), q.moment("until")}
	namespaces, err := scope(who, q.one("namespace"))
	if err != nil {
		return err
	}
	listing := q.listing(namespaces)
	if mediaType == "text/csv" {
		for _, name := range []string{"limit", "continue"} {
			if q.values.Has(name) {
				q.refuse("?"+name, "is for JSON: as CSV, all bills are sent at once")
			}
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	if mediaType == "text/csv" {
		listing.limit = maxLimit
		return h.streamBilling(w, r, listing, period)
	}
	model := openapi.Billing{Records: []openapi.Bill{}}
	next, err := read(r.Context(), h.api, listing, func(page *v1alpha1.BillingRecordList) (int, error) {
		bills := period.bills(page.Items)
		model.Records = append(model.Records, bills...)
		return len(bills), nil
	})
	if err != nil {
		return err
	}
	model.Continue = next.String()
	if model.Totals, err = totals(model.Records); err != nil {
		return err
	}
	return answer(w, http.StatusOK, model)
}

// period is a span of time; a zero end is open.
type period struct{ since, until time.Time }

func (p period) holds(t time.Time) bool {
	return !t.Before(p.since) && (p.until.IsZero() || t.Before(p.until))
}

// bills are those that were made in the period.
func (p period) bills(records []v1alpha1.BillingRecord) []openapi.Bill {
	var bills []openapi.Bill
	for i := range records {
		if p.holds(records[i].CreationTimestamp.Time) {
			bills = append(bills, billModel(&records[i]))
		}
	}
	return bills
}

func billModel(record *v1alpha1.BillingRecord) openapi.Bill {
	spec := &record.Spec
	bill := openapi.Bill{
		ID: string(spec.Lease.UID), Name: spec.Lease.Name, Namespace: record.Namespace,
		CreatedBy: record.Annotations[v1alpha1.CreatedByAnnotation],
		ClassName: spec.ClassName, Image: spec.Image, BilledAt: record.CreationTimestamp.UTC(),
		FinishReason: spec.FinishReason, BillableSeconds: spec.BillableSeconds, Amount: spec.Amount, Currency: spec.Currency,
		Estimated: spec.Estimated, Pricing: pricingModel(spec.Pricing), Segments: []openapi.Segment{},
	}
	for i := range spec.Segments {
		segment := &spec.Segments[i]
		finished := ptr.Deref(timeOf(segment.FinishedAt), segment.StartedAt.UTC())
		bill.Segments = append(bill.Segments, openapi.Segment{
			ContainerID: segment.ContainerID, StartedAt: segment.StartedAt.UTC(), FinishedAt: finished,
			Evidence: string(segment.Evidence), CPUMilli: segment.CPU.MilliValue(), MemoryMB: mebibytes(segment.Memory),
		})
	}
	if n := len(bill.Segments); n > 0 {
		bill.StartedAt, bill.FinishedAt = &bill.Segments[0].StartedAt, &bill.Segments[n-1].FinishedAt
	}
	return bill
}

// totals adds up amounts exactly, by currency.
func totals(bills []openapi.Bill) ([]openapi.Total, error) {
	sums := map[string]*big.Int{}
	for _, bill := range bills {
		amount, err := nanoUnits(bill.Amount)
		if err != nil {
			return nil, fmt.Errorf("bill %s: %w", bill.ID, err)
		}
		if sums[bill.Currency] == nil {
			sums[bill.Currency] = new(big.Int)
		}
		sums[bill.Currency].Add(sums[bill.Currency], amount)
	}
	totals := []openapi.Total{}
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		totals = append(totals, openapi.Total{Currency: currency, Amount: v1alpha1.FormatDecimal(sums[currency])})
	}
	return totals, nil
}

// nanoUnits reads an amount. Unlike a price, it has no bound.
func nanoUnits(amount string) (*big.Int, error) {
	whole, fraction, _ := strings.Cut(amount, ".")
	if pad := v1alpha1.MoneyDecimals - len(fraction); whole != "" && pad >= 0 {
		if nano, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", pad), 10); ok {
			return nano, nil
		}
	}
	return nil, fmt.Errorf("%q is not an amount", amount)
}
