package gatewaytest

import (
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// running counts the fixtures of the process: while there is another, its goroutines are none
// of ours.
var running atomic.Int64

// ours is in the stack of each goroutine that the gateway's packages run.
const ours = "containerlease/web/gateway"

// watchForLeaks fails the test if goroutines of the gateway are left when all else has ended.
func (f *Fixture) watchForLeaks() {
	running.Add(1)
	f.t.Cleanup(func() {
		if running.Add(-1) > 0 {
			return
		}
		var left []string
		for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if left = gatewayGoroutines(); len(left) == 0 || running.Load() > 0 {
				return
			}
		}
		f.t.Errorf("%d goroutines of the gateway are left; the first is\n%s", len(left), left[0])
	})
}

// gatewayGoroutines are the stacks of the goroutines that the gateway runs, but for the tests' own.
func gatewayGoroutines() []string {
	buffer := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	var left []string
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		if strings.Contains(stack, ours) && !slices.ContainsFunc(testers, func(tester string) bool { return strings.Contains(stack, tester) }) {
			left = append(left, stack)
		}
	}
	return left
}

// testers are in the stacks of the tests' own goroutines: of a test, a fuzz target and TestMain.
var testers = []string{"testing.tRunner", "testing.fRunner", "testing.(*M)"}
