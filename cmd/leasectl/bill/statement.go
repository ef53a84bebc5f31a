package bill

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Statement is what `leasectl bill -o json` prints.
type Statement struct {
	// Items are the bills, the oldest first, and after them the estimates.
	Items []Item `json:"items"`
	// Totals are the sums of the bills, one a currency. Estimates are not in them.
	Totals []Total `json:"totals"`
}

// Item is the bill of a lease that ended, or the estimate for one that has not.
type Item struct {
	Namespace string `json:"namespace"`
	Lease     string `json:"lease"`
	UID       string `json:"uid"`
	Class     string `json:"class"`
	Image     string `json:"image"`
	// State is the reason why the lease ended, or its phase if it has not been billed.
	State string `json:"state"`
	// Billed says that Amount is what is charged. Otherwise it is what the lease costs if
	// it lasts for all of its time.
	Billed bool `json:"billed"`
	// Estimated says that Amount is not final, or a lower bound because nobody saw the
	// container end.
	Estimated bool `json:"estimated"`
	// StartedAt is when the container first ran; absent if it never did.
	StartedAt *v1alpha1.Timestamp `json:"startedAt,omitempty"`
	// EndsAt is when the container ended, or is going to; absent if it never ran.
	EndsAt *v1alpha1.Timestamp `json:"endsAt,omitempty"`
	// BillableSeconds is a decimal string; absent if the lease has not been billed.
	BillableSeconds string `json:"billableSeconds,omitempty"`
	// Amount is a decimal string in Currency.
	Amount string `json:"amount"`
	// Currency is an ISO 4217 code.
	Currency string `json:"currency"`

	billedAt time.Time // when the record was written
}

// Total is a sum of amounts in one currency.
type Total struct {
	// Currency is an ISO 4217 code.
	Currency string `json:"currency"`
	// Amount is a decimal string, exact.
	Amount string `json:"amount"`
}

// fromRecord is the item of a lease that has been billed.
func fromRecord(record *v1alpha1.BillingRecord) Item {
	item := Item{
		Namespace:       record.Namespace,
		Lease:           record.Spec.Lease.Name,
		UID:             string(record.Spec.Lease.UID),
		Class:           record.Spec.ClassName,
		Image:           record.Spec.Image,
		State:           string(record.Spec.FinishReason),
		Billed:          true,
		Estimated:       record.Spec.Estimated,
		BillableSeconds: record.Spec.BillableSeconds,
		Amount:          record.Spec.Amount,
		Currency:        record.Spec.Currency,
		billedAt:        record.CreationTimestamp.Time,
	}
	if segments := record.Spec.Segments; len(segments) > 0 {
		item.StartedAt = &segments[0].StartedAt
		item.EndsAt = segments[len(segments)-1].FinishedAt
	}
	return item
}

// fromLease is the estimate for a lease that has no record yet. ok is false while the
// server has not said what the lease costs.
func fromLease(lease *v1alpha1.ContainerLease) (item Item, ok bool) {
	cost := lease.Status.Cost
	if cost == nil || cost.Estimated == "" {
		return Item{}, false
	}
	item = Item{
		Namespace: lease.Namespace,
		Lease:     lease.Name,
		UID:       string(lease.UID),
		Class:     lease.Spec.ClassName,
		Image:     lease.Spec.Image,
		State:     string(lease.Status.Phase),
		Estimated: true,
		StartedAt: lease.Status.StartTime,
		EndsAt:    lease.Status.ExpirationTime,
		Amount:    cost.Estimated,
		Currency:  cost.Currency,
	}
	if lease.Status.FinishTime != nil {
		item.EndsAt = lease.Status.FinishTime
	}
	return item, true
}

// newStatement orders the items and sums up those that are billed.
func newStatement(items []Item) (Statement, error) {
	slices.SortStableFunc(items, func(a, b Item) int {
		return cmp.Or(
			boolOrder(!a.Billed, !b.Billed),
			a.billedAt.Compare(b.billedAt),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Lease, b.Lease),
			cmp.Compare(a.UID, b.UID),
		)
	})
	statement := Statement{Items: items, Totals: []Total{}}
	if items == nil {
		statement.Items = []Item{}
	}
	amounts := map[string][]string{}
	for _, item := range items {
		if item.Billed {
			amounts[item.Currency] = append(amounts[item.Currency], item.Amount)
		}
	}
	for currency, of := range amounts {
		amount, err := sum(of)
		if err != nil {
			return Statement{}, fmt.Errorf("adding up amounts in %s: %w", currency, err)
		}
		statement.Totals = append(statement.Totals, Total{Currency: currency, Amount: amount})
	}
	slices.SortFunc(statement.Totals, func(a, b Total) int { return cmp.Compare(a.Currency, b.Currency) })
	return statement, nil
}

// boolOrder sorts false before true.
func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// decimal is what an amount looks like. big.Rat alone would also take "1/3" and "1e9".
var decimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// sum adds decimal strings exactly: money is not a float. It has as many decimals as the
// most precise of them, without trailing zeros.
func sum(amounts []string) (string, error) {
	total, decimals := new(big.Rat), 0
	for _, amount := range amounts {
		if !decimal.MatchString(amount) {
			return "", fmt.Errorf("%q is not an amount", amount)
		}
		value, ok := new(big.Rat).SetString(amount)
		if !ok {
			return "", fmt.Errorf("%q is not an amount", amount)
		}
		total.Add(total, value)
		if _, fraction, found := strings.Cut(amount, "."); found {
			decimals = max(decimals, len(fraction))
		}
	}
	text := total.FloatString(decimals)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text, nil
}
