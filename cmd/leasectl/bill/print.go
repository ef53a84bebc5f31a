package bill

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// The formats of -o.
const (
	formatTable = "table"
	formatWide  = "wide"
	formatJSON  = "json"
	formatYAML  = "yaml"
	formatCSV   = "csv"
)

var formats = []string{formatTable, formatWide, formatJSON, formatYAML, formatCSV}

// estimateMark stands before an amount that is not final.
const estimateMark = "~"

// table is how a statement is laid out for people.
type table struct {
	namespaces bool // show the namespace of each item
	wide       bool
	now        time.Time
}

func (t table) print(out io.Writer, statement Statement) error {
	columns := []struct {
		header string
		shown  bool
		value  func(Item) string
		total  func(Total) string
	}{
		{"NAMESPACE", t.namespaces, func(i Item) string { return i.Namespace }, nil},
		{"LEASE", true, func(i Item) string { return i.Lease }, func(Total) string { return "TOTAL" }},
		{"CLASS", true, func(i Item) string { return i.Class }, nil},
		{"STATE", true, func(i Item) string { return i.State }, nil},
		{"SECONDS", true, func(i Item) string { return i.BillableSeconds }, nil},
		{"AMOUNT", true, amount, func(total Total) string { return total.Amount }},
		{"CURRENCY", true, func(i Item) string { return i.Currency }, func(total Total) string { return total.Currency }},
		{"ENDED", true, t.ended, nil},
		{"IMAGE", t.wide, func(i Item) string { return i.Image }, nil},
		{"UID", t.wide, func(i Item) string { return i.UID }, nil},
	}
	tabs := printers.GetNewTabWriter(out)
	row := func(cell func(column int) string) {
		separator := ""
		for i, column := range columns {
			if !column.shown {
				continue
			}
			fmt.Fprint(tabs, separator, cell(i))
			separator = "\t"
		}
		fmt.Fprintln(tabs)
	}
	row(func(column int) string { return columns[column].header })
	for _, item := range statement.Items {
		row(func(column int) string { return columns[column].value(item) })
	}
	for _, total := range statement.Totals {
		row(func(column int) string {
			if columns[column].total == nil {
				return ""
			}
			return columns[column].total(total)
		})
	}
	return tabs.Flush()
}

func amount(item Item) string {
	if item.Estimated {
		return estimateMark + item.Amount
	}
	return item.Amount
}

// ended says how long ago a lease ended, or how soon it will.
func (t table) ended(item Item) string {
	switch {
	case item.EndsAt == nil && !item.Billed:
		return ""
	case item.EndsAt == nil: // never ran
		return duration.HumanDuration(t.now.Sub(item.billedAt)) + " ago"
	case item.EndsAt.After(t.now):
		return "in " + duration.HumanDuration(item.EndsAt.Sub(t.now))
	}
	return duration.HumanDuration(t.now.Sub(item.EndsAt.Time)) + " ago"
}

// csvHeader names the columns of -o csv. New ones are added at the end only.
var csvHeader = []string{
	"namespace", "lease", "uid", "class", "image", "state", "billed", "estimated",
	"started_at", "ends_at", "billable_seconds", "amount", "currency",
}

// printCSV writes a header and the items. The sums are left to the spreadsheet.
func printCSV(out io.Writer, statement Statement) error {
	writer := csv.NewWriter(out)
	rows := [][]string{csvHeader}
	for _, item := range statement.Items {
		rows = append(rows, []string{
			item.Namespace, item.Lease, item.UID, item.Class, item.Image, item.State,
			strconv.FormatBool(item.Billed), strconv.FormatBool(item.Estimated),
			moment(item.StartedAt), moment(item.EndsAt), item.BillableSeconds, item.Amount, item.Currency,
		})
	}
	return writer.WriteAll(rows)
}

func moment(t *v1alpha1.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func printJSON(out io.Writer, statement Statement) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "    ")
	return encoder.Encode(statement)
}

func printYAML(out io.Writer, statement Statement) error {
	text, err := yaml.Marshal(statement)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}
