package change

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// NewExtendCommand returns `leasectl extend`. command is how the user calls leasectl.
func NewExtendCommand(command string, getter genericclioptions.RESTClientGetter, streams genericiooptions.IOStreams) *cobra.Command {
	var by, to string
	v := newVerb(streams)
	v.apply = func(lease *v1alpha1.ContainerLease) error {
		ttl, err := extended(lease, by, to)
		lease.Spec.TTL = ttl
		return err
	}
	v.says = func(before, after *v1alpha1.ContainerLease) string { return extension(before, after, time.Now()) }

	cmd := &cobra.Command{
		Use:   "extend NAME... --by DURATION | --to DURATION|TIME",
		Short: "Give a lease more time",
		Long: templates.LongDesc(`
			Give a lease more time, or less, and print when it expires.

			--by adds to what the lease has. --to sets the whole, counted from the moment the
			container started; given a moment, the lease expires then. The class of the lease
			says how long it may last at most.`),
		Example: templates.Examples(fmt.Sprintf(`
			# A quarter of an hour more
			%[1]s extend demo --by 15m

			# An hour in all
			%[1]s extend demo --to 1h

			# Until a certain moment
			%[1]s extend demo --to 2026-01-02T15:04:05Z`, command)),
	}
	cmd.Flags().StringVar(&by, "by", "", "How much longer, such as 15m or 1h30m.")
	cmd.Flags().StringVar(&to, "to", "", "How long in all, such as 1h, or until when (RFC 3339).")
	return v.command(getter, cmd, func(cmd *cobra.Command) error {
		switch {
		case (by == "") == (to == ""):
			return cmdutil.UsageErrorf(cmd, "one of --by and --to is required")
		case by != "":
			if _, err := v1alpha1.Duration(by).Parse(); err != nil {
				return fmt.Errorf("--by %q: %w", by, err)
			}
		default:
			if _, err := v1alpha1.Duration(to).Parse(); err != nil {
				if _, notTime := time.Parse(time.RFC3339, to); notTime != nil {
					return fmt.Errorf("--to %q: %w, or a moment such as 2006-01-02T15:04:05Z (RFC 3339)", to, err)
				}
			}
		}
		return nil
	})
}

// extended is the ttl of a lease extended by one duration or to another or to a moment.
func extended(lease *v1alpha1.ContainerLease, by, to string) (v1alpha1.Duration, error) {
	if by != "" {
		more, err := v1alpha1.Duration(by).Parse()
		if err != nil {
			return "", fmt.Errorf("--by %q: %w", by, err)
		}
		has, err := lease.Spec.TTL.Parse()
		if err != nil {
			return "", fmt.Errorf("spec.ttl %q: %w", lease.Spec.TTL, err)
		}
		sum := v1alpha1.DurationOf(has + more)
		if _, err := sum.Parse(); err != nil || more > math.MaxInt64-has {
			return "", fmt.Errorf("--by %q: longer than any lease can last", by)
		}
		return sum, nil
	}
	if _, err := v1alpha1.Duration(to).Parse(); err == nil {
		return v1alpha1.Duration(to), nil // as written
	}
	moment, err := time.Parse(time.RFC3339, to)
	if err != nil {
		return "", fmt.Errorf("--to %q: %w", to, err)
	}
	if lease.Status.StartTime == nil {
		return "", errors.New("its container has not started, so that its time does not run yet: give --to a duration")
	}
	ttl := moment.Sub(lease.Status.StartTime.Time)
	if ttl <= 0 {
		return "", fmt.Errorf("--to %s is before it started (%s)", to, stamp(lease.Status.StartTime.Time))
	}
	// Up to whole seconds: a user asks for a second, and a ttl should be readable.
	return v1alpha1.DurationOf((ttl + time.Second - 1).Truncate(time.Second)), nil
}

// extension says what has become of the time of a lease.
func extension(before, after *v1alpha1.ContainerLease, now time.Time) string {
	word := "extended"
	if was, err := before.Spec.TTL.Parse(); err == nil {
		if is, err := after.Spec.TTL.Parse(); err == nil && is < was {
			word = "shortened"
		}
	}
	text := fmt.Sprintf("%s from %s to %s", word, before.Spec.TTL, after.Spec.TTL)
	was, is := expiration(before), expiration(after)
	if was == nil || is == nil {
		return text + ", counted from when its container starts"
	}
	left := is.Sub(now)
	if left <= 0 {
		return fmt.Sprintf("%s: expires now (was %s)", text, stamp(*was))
	}
	return fmt.Sprintf("%s: expires %s, in %s (was %s)", text, stamp(*is), duration.HumanDuration(left), stamp(*was))
}

// expiration is when a lease expires by its spec, which the status follows a moment later.
func expiration(lease *v1alpha1.ContainerLease) *time.Time {
	ttl, err := lease.Spec.TTL.Parse()
	if err != nil || lease.Status.StartTime == nil {
		return nil
	}
	expires := lease.Status.StartTime.Add(ttl)
	return &expires
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
