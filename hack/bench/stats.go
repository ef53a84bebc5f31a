package main

import (
	"slices"
	"time"
)

// Summary of a series of latencies, in milliseconds.
type Summary struct {
	N      int     `json:"n"`
	Median float64 `json:"medianMs"`
	P90    float64 `json:"p90Ms"`
}

// summarize describes a series. The zero Summary stands for an empty one.
func summarize(series []time.Duration) Summary {
	sorted := slices.Sorted(slices.Values(series))
	return Summary{N: len(sorted), Median: millis(quantile(sorted, 0.5)), P90: millis(quantile(sorted, 0.9))}
}

// quantile interpolates between the two nearest values of a sorted series; it is zero for an empty one.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 == len(sorted) {
		return sorted[below]
	}
	return sorted[below] + time.Duration((at-float64(below))*float64(sorted[below+1]-sorted[below]))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// perSecond is a rate; zero if no time has passed.
func perSecond(n int, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(n) / elapsed.Seconds()
}

// ratio is a/b; zero, "unknown", if b is zero.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
