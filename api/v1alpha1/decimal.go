package v1alpha1

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
)

// MoneyDecimals is the number of decimals of an amount or a price: it is counted in
// nano-units of the currency.
const MoneyDecimals = 9

// decimalPattern keeps a price below 10^9 units, so that no sum over any lease can
// become absurd. No sign, no exponent, no leading zeros.
var decimalPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?$`)

// ParseDecimal reads a price, such as "0.04", as a number of nano-units of its currency.
func ParseDecimal(s string) (*big.Int, error) {
	if !decimalPattern.MatchString(s) {
		return nil, errors.New(`must be a decimal number in quotes such as "0.04", from 0 to less than 1000000000, with at most nine decimals and no sign`)
	}
	whole, fraction, _ := strings.Cut(s, ".")
	nano, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", MoneyDecimals-len(fraction)), 10)
	if !ok {
		return nil, errors.New("must be a decimal number")
	}
	return nano, nil
}

// FormatDecimal writes a non-negative number of nano-units as a decimal string without
// superfluous zeros.
func FormatDecimal(nano *big.Int) string {
	digits := nano.String()
	if pad := MoneyDecimals + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	point := len(digits) - MoneyDecimals
	fraction := strings.TrimRight(digits[point:], "0")
	if fraction == "" {
		return digits[:point]
	}
	return digits[:point] + "." + fraction
}
