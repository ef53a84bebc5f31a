package rest

import (
	"encoding/csv"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

// csvHeader names the columns, in the order of csvRow.
var csvHeader = []string{
	"id", "name", "namespace", "className", "image", "startedAt", "finishedAt", "billedAt",
	"finishReason", "billableSeconds", "amount", "currency", "estimated",
	"createdBy",
}

func csvRow(bill *openapi.Bill) []string {
	return []string{
		bill.ID, plain(bill.Name), plain(bill.Namespace), plain(bill.ClassName), plain(bill.Image),
		stamp(bill.StartedAt), stamp(bill.FinishedAt), stamp(&bill.BilledAt),
		string(bill.FinishReason), bill.BillableSeconds, bill.Amount, plain(bill.Currency), strconv.FormatBool(bill.Estimated),
		plain(bill.CreatedBy),
	}
}

// plain keeps a spreadsheet from taking a text for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// streamBilling sends all bills of a period, chunk by chunk: there may be more than memory
// should hold. An error in the middle ends the response without its end, so that half a list
// never looks like a whole one.
func (h *Handler) streamBilling(w http.ResponseWriter, r *http.Request, all listing, period period) error {
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	header.Set("Content-Disposition", `attachment; filename="billing.csv"`)
	rows := csv.NewWriter(w)
	if err := rows.Write(csvHeader); err != nil { // to memory, as yet
		return err
	}
	for next := &all.from; next != nil; {
		all.from = *next
		var err error
		next, err = read(r.Context(), h.api, all, func(page *v1alpha1.BillingRecordList) (int, error) {
			bills := period.bills(page.Items)
			return len(bills), writeRows(rows, bills)
		})
		if err != nil {
			header.Del("Content-Disposition")
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}

func writeRows(rows *csv.Writer, bills []openapi.Bill) error {
	for i := range bills {
		if err := rows.Write(csvRow(&bills[i])); err != nil {
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}

// negotiate returns the offer that the Accept headers like best, the first of equals, "" if
// they accept none. Without a header, anything is accepted.
func negotiate(accept []string, offers ...string) string {
	if len(accept) == 0 {
		return offers[0]
	}
	best, bestQuality := "", 0.0
	for _, offer := range offers {
		if quality := qualityOf(offer, strings.Join(accept, ",")); quality > bestQuality {
			best, bestQuality = offer, quality
		}
	}
	return best
}

// qualityOf is what the most specific range of an Accept header that covers an offer says.
func qualityOf(offer, accept string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	quality, specificity := 0.0, 0
	for part := range strings.SplitSeq(accept, ",") {
		mediaRange, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		this := map[string]int{"*/*": 1, kind + "/*": 2, offer: 3}[mediaRange]
		if this <= specificity {
			continue
		}
		specificity, quality = this, 1
		if q, given := parameters["q"]; given {
			if quality, err = strconv.ParseFloat(q, 64); err != nil || quality < 0 || quality > 1 {
				quality = 0
			}
		}
	}
	return quality
}
