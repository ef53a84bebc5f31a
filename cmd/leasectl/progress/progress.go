// Package progress says in a line how far a lease has got, and shows that line to a
// person: rewritten in place on a terminal, one line a step elsewhere.
package progress

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubectl/pkg/util/term"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// Step is how far a lease has got.
type Step struct {
	// Reason is the reason constant of the condition that decides.
	Reason string
	// Message says more, for people; it may be empty.
	Message string
}

// String is the step in one line.
func (s Step) String() string {
	message := strings.Join(strings.Fields(s.Message), " ")
	if message == "" {
		return s.Reason
	}
	return s.Reason + ": " + message
}

// Of returns the step a lease is at.
func Of(lease *v1alpha1.ContainerLease) Step {
	conditions := lease.Status.Conditions
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionFinished); c != nil && c.Status == metav1.ConditionTrue {
		return Step{c.Reason, c.Message}
	}
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil && c.Status == metav1.ConditionTrue {
		return Step{c.Reason, c.Message}
	}
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionAccepted); c != nil && c.Status == metav1.ConditionFalse {
		return Step{c.Reason, c.Message}
	}
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionProvisioned); c != nil && c.Reason != "" {
		return Step{c.Reason, c.Message}
	}
	return Step{Reason: v1alpha1.ReasonPending}
}

// Printer shows steps on a writer. It is used from one goroutine.
type Printer struct {
	out   io.Writer
	width func() int // columns of the terminal; nil if out is none
	last  Step
	shown bool // whether an unfinished line is on the terminal
}

// NewPrinter shows steps on out, in place if out is a terminal.
func NewPrinter(out io.Writer) *Printer {
	p := &Printer{out: out}
	if term.IsTerminal(out) {
		p.width = func() int {
			if size := (term.TTY{Out: out}).GetSize(); size != nil {
				return int(size.Width)
			}
			return 0
		}
	}
	return p
}

// Show shows a step of the lease of that name, unless nothing that matters has changed:
// a terminal shows each message, other outputs (a CI log, say) only each reason.
func (p *Printer) Show(name string, step Step) {
	if p.width == nil {
		if step.Reason != p.last.Reason {
			fmt.Fprintf(p.out, "%s: %s\n", name, step)
		}
		p.last = step
		return
	}
	if step == p.last {
		return
	}
	p.last, p.shown = step, true
	fmt.Fprintf(p.out, "\r\033[K%s", clip(name+": "+step.String(), p.width()-1))
}

// Done ends the showing; on a terminal it clears the line, so that what comes next is
// not preceded by history.
func (p *Printer) Done() {
	if p.shown {
		fmt.Fprint(p.out, "\r\033[K")
		p.shown = false
	}
}

// clip shortens s to so many columns: a line that wraps could not be rewritten.
func clip(s string, columns int) string {
	runes := []rune(s)
	if columns <= 1 || len(runes) <= columns {
		return s
	}
	return string(runes[:columns-1]) + "…"
}
