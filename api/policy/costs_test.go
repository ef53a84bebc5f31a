package policy

import (
	"encoding/json"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// TestCosts holds the arithmetic to a table that the dashboard's, which shows what a lease costs while it
// runs, is held to as well. Its results were computed in fractions.
func TestCosts(t *testing.T) {
	data, err := os.ReadFile("testdata/costs.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Bills []struct {
			Name     string
			Pricing  v1alpha1.Pricing
			Segments []v1alpha1.UsageSegment
			Want     string
		}
		Estimates []struct {
			Name         string
			Pricing      v1alpha1.Pricing
			CPU, Memory  resource.Quantity
			TTL          v1alpha1.Duration
			Want, Hourly string
		}
	}
	if err := json.Unmarshal(data, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Bills) == 0 || len(table.Estimates) == 0 {
		t.Fatal("the table is empty")
	}
	for _, tc := range table.Bills {
		t.Run(tc.Name, func(t *testing.T) {
			if got, _, err := Amount(tc.Pricing, tc.Segments); err != nil || got != tc.Want {
				t.Errorf("got %q, %v; want %q", got, err, tc.Want)
			}
		})
	}
	for _, tc := range table.Estimates {
		t.Run(tc.Name, func(t *testing.T) {
			ttl, err := tc.TTL.Parse()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Estimate(tc.Pricing, tc.CPU, tc.Memory, ttl); err != nil || got != tc.Want {
				t.Errorf("got %q, %v; want %q", got, err, tc.Want)
			}
			if got, err := HourlyRate(tc.Pricing, tc.CPU, tc.Memory); err != nil || got != tc.Hourly {
				t.Errorf("an hour: got %q, %v; want %q", got, err, tc.Hourly)
			}
		})
	}
}
