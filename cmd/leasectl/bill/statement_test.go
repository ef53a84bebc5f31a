package bill

import (
	"slices"
	"testing"
)

func TestSum(t *testing.T) {
	tests := map[string]struct {
		amounts []string
		want    string
		wantErr bool
	}{
		"None":              {nil, "0", false},
		"One":               {[]string{"0.011251338"}, "0.011251338", false},
		"NotAFloat":         {[]string{"0.1", "0.2"}, "0.3", false},
		"Carry":             {[]string{"0.999999999", "0.000000001"}, "1", false},
		"ManySmall":         {slices.Repeat([]string{"0.000000001"}, 10_000), "0.00001", false},
		"BeyondAFloat":      {[]string{"9007199254740993", "0.000000001"}, "9007199254740993.000000001", false},
		"MoreDecimals":      {[]string{"0.0000000001", "1"}, "1.0000000001", false},
		"WholeKeepsItsZero": {[]string{"10", "20"}, "30", false},
		"Credit":            {[]string{"1.5", "-0.5"}, "1", false},
		"Fraction":          {[]string{"1/3"}, "", true},
		"Exponent":          {[]string{"1e9"}, "", true},
		"Hexadecimal":       {[]string{"0x10"}, "", true},
		"Empty":             {[]string{""}, "", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := sum(tc.amounts)
			if got != tc.want || (err != nil) != tc.wantErr {
				t.Errorf("sum() = %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}
