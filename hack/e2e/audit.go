package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	dockerclient "github.com/docker/docker/client"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// The invariants' numbers.
const (
	// expirySlack is by how much a container may run past its expiration, beside its grace period (I1).
	expirySlack = time.Second
	// strayAge is how old what belongs to no lease may get (I3).
	strayAge = 60 * time.Second
	// eventLag is by how much the engine's event of an exit may be later than the exit.
	eventLag = 500 * time.Millisecond
	// unbilledSlack is how long a run may last that is nobody's but still the container's.
	unbilledSlack = 10 * time.Second
)

// Violation is a broken invariant.
type Violation struct {
	// Invariant is I1 to I5.
	Invariant string
	// Subject is the lease, record or container concerned.
	Subject string
	Detail  string
}

func (v Violation) String() string { return v.Invariant + " " + v.Subject + ": " + v.Detail }

// Auditor checks the loop's invariants on what the engine and the stored objects say.
type Auditor struct {
	Engine *dockerclient.Client
	API    client.Reader
	// Evidence is what the engine said while it happened. Optional.
	Evidence *Recorder
	// Namespace limits the audit to one.
	Namespace string
	// Acknowledged are the leases whose creation the API confirmed (I4), by UID.
	Acknowledged map[types.UID]string
	// Changed is when the spec of a lease was last changed. Its time may have been up already by the
	// new spec, so that nobody could keep I1 before.
	Changed map[types.UID]time.Time
	// Outages are times during which the server was down or kept from the engine: what
	// expired then may end up to 15 s after (I1).
	Outages []Outage
}

// Outage is a time in which nobody could keep I1.
type Outage struct{ From, To time.Time }

// afterRecovery is by when what expired during an outage must have ended.
const afterRecovery = 15 * time.Second

// Audit returns the violations at this moment, or an error if it could not look.
func (a *Auditor) Audit(ctx context.Context) ([]Violation, error) {
	w, err := a.observe(ctx)
	if err != nil {
		return nil, err
	}
	return a.judge(w), nil
}

func (a *Auditor) judge(w *world) []Violation {
	return slices.Concat(a.expiry(w), a.records(w), a.strays(w), a.acknowledged(w), a.limits(w))
}

// world is one observation of everything.
type world struct {
	now        time.Time
	leases     map[types.UID]*v1alpha1.ContainerLease
	records    []v1alpha1.BillingRecord
	containers []container.InspectResponse
	others     []stray
}

// stray is an owned network or volume.
type stray struct {
	what    string
	uid     types.UID
	created time.Time
}

func (a *Auditor) observe(ctx context.Context) (*world, error) {
	w := &world{leases: map[types.UID]*v1alpha1.ContainerLease{}}
	owned := filters.NewArgs(filters.Arg("label", v1alpha1.LabelUID), filters.Arg("label", v1alpha1.LabelName),
		filters.Arg("label", v1alpha1.LabelNamespace+"="+a.Namespace))
	// Containers before leases: a lease made in between must not make its container a stray.
	summaries, err := a.Engine.ContainerList(ctx, container.ListOptions{All: true, Filters: owned})
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	for _, s := range summaries {
		found, err := a.Engine.ContainerInspect(ctx, s.ID)
		if cerrdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("inspecting container %s: %w", s.ID, err)
		}
		w.containers = append(w.containers, found)
	}
	networks, err := a.Engine.NetworkList(ctx, network.ListOptions{Filters: owned})
	if err != nil {
		return nil, fmt.Errorf("listing networks: %w", err)
	}
	for _, n := range networks {
		w.others = append(w.others, stray{"network " + n.Name, types.UID(n.Labels[v1alpha1.LabelUID]), n.Created})
	}
	volumes, err := a.Engine.VolumeList(ctx, volume.ListOptions{Filters: owned})
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	for _, v := range volumes.Volumes {
		w.others = append(w.others, stray{"volume " + v.Name, types.UID(v.Labels[v1alpha1.LabelUID]), engineTime(v.CreatedAt)})
	}
	w.now = time.Now()

	var leases v1alpha1.ContainerLeaseList
	if err := a.API.List(ctx, &leases, client.InNamespace(a.Namespace)); err != nil {
		return nil, fmt.Errorf("listing leases: %w", err)
	}
	for i := range leases.Items {
		w.leases[leases.Items[i].UID] = &leases.Items[i]
	}
	// Records after leases: a lease that is cleaned up in between has its record.
	var records v1alpha1.BillingRecordList
	if err := a.API.List(ctx, &records, client.InNamespace(a.Namespace)); err != nil {
		return nil, fmt.Errorf("listing billing records: %w", err)
	}
	w.records = records.Items
	return w, nil
}

// expiry is I1: nothing runs past its expiration by more than a second and its grace period.
func (a *Auditor) expiry(w *world) []Violation {
	var found []Violation
	for _, c := range w.containers {
		lease := w.leases[types.UID(c.Config.Labels[v1alpha1.LabelUID])]
		if lease == nil || !c.State.Running {
			continue
		}
		if limit, ok := a.latestEnd(lease, engineTime(c.State.StartedAt)); ok && w.now.After(limit) {
			found = append(found, Violation{"I1", lease.Name, fmt.Sprintf("container %.12s still runs %s after %s", c.ID, w.now.Sub(limit), limit)})
		}
	}
	if a.Evidence == nil {
		return found
	}
	for _, lease := range w.leases {
		for _, run := range a.Evidence.Runs(lease.UID) {
			if limit, ok := a.latestEnd(lease, run.StartedAt); ok && run.DiedAt.After(limit) {
				found = append(found, Violation{"I1", lease.Name, fmt.Sprintf("container %.12s ended %s after %s", run.ContainerID, run.DiedAt.Sub(limit), limit)})
			}
		}
	}
	return found
}

// latestEnd is until when a container of the lease may run, and whether that can be said.
// firstStart is used where the status doesn't say when the lease's clock started.
func (a *Auditor) latestEnd(lease *v1alpha1.ContainerLease, firstStart time.Time) (time.Time, bool) {
	ttl, err := lease.Spec.TTL.Parse()
	if err != nil {
		return time.Time{}, false
	}
	if lease.Status.StartTime != nil {
		firstStart = lease.Status.StartTime.Time
	}
	limit := firstStart.Add(ttl)
	if changed := a.Changed[lease.UID]; limit.Before(changed) {
		limit = changed
	}
	for _, o := range a.Outages {
		if recovered := o.To.Add(afterRecovery); !limit.Before(o.From.Add(-expirySlack)) && limit.Before(recovered) {
			limit = recovered
		}
	}
	if grace := lease.Spec.TerminationGracePeriodSeconds; grace != nil {
		limit = limit.Add(time.Duration(*grace) * time.Second)
	}
	return limit.Add(expirySlack), true
}

// records is I2: exactly one record for each lease that ended, equal to the evidence.
func (a *Auditor) records(w *world) []Violation {
	var found []Violation
	count := map[types.UID]int{}
	for i := range w.records {
		record := &w.records[i]
		count[record.Spec.Lease.UID]++
		for _, problem := range a.checkRecord(record) {
			found = append(found, Violation{"I2", record.Spec.Lease.Name, problem})
		}
	}
	for uid, lease := range w.leases {
		ended := meta.IsStatusConditionTrue(lease.Status.Conditions, v1alpha1.ConditionFinished)
		switch n := count[uid]; {
		case ended && n != 1:
			found = append(found, Violation{"I2", lease.Name, fmt.Sprintf("ended, and has %d billing records", n)})
		case !ended && n != 0:
			found = append(found, Violation{"I2", lease.Name, fmt.Sprintf("has not ended, and has %d billing records", n)})
		}
	}
	return found
}

func (a *Auditor) checkRecord(record *v1alpha1.BillingRecord) []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	spec := &record.Spec
	if record.Name != string(spec.Lease.UID) {
		complain("record %s is of lease %s", record.Name, spec.Lease.UID)
	}
	amount, seconds, err := Bill(spec.Pricing, spec.Segments)
	if err != nil {
		complain("cannot be recomputed: %v", err)
	}
	if amount != spec.Amount {
		complain("amount is %s, its inputs give %s", spec.Amount, amount)
	}
	if seconds != spec.BillableSeconds {
		complain("billableSeconds is %s, its inputs give %s", spec.BillableSeconds, seconds)
	}
	if spec.Currency != spec.Pricing.Currency {
		complain("currency is %s, its pricing's %s", spec.Currency, spec.Pricing.Currency)
	}
	estimated := slices.ContainsFunc(spec.Segments, func(s v1alpha1.UsageSegment) bool { return s.Evidence == v1alpha1.EvidenceLastSeen })
	if spec.Estimated != estimated {
		complain("estimated is %t, its evidence says %t", spec.Estimated, estimated)
	}
	if a.Evidence != nil {
		problems = append(problems, compareRuns(spec.Segments, a.Evidence.Runs(spec.Lease.UID))...)
	}
	return problems
}

// compareRuns compares what was billed with what the engine said at the time.
func compareRuns(segments []v1alpha1.UsageSegment, runs []Run) []string {
	var problems []string
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	next := 0
	for i, s := range segments {
		if i > 0 && segments[i-1].Evidence == v1alpha1.EvidenceResized {
			if !s.StartedAt.Equal(segments[i-1].FinishedAt) {
				complain("segment %d does not begin where the resize ended the one before", i)
			}
		} else {
			if next >= len(runs) {
				complain("segment %d from %s: the engine told of %d runs only", i, s.StartedAt, len(runs))
				return problems
			}
			if run := runs[next]; !run.began(s.StartedAt.Time) || s.ContainerID != run.ContainerID {
				complain("segment %d began at %s in %.12s; the engine says %s in %.12s", i, s.StartedAt, s.ContainerID, run.StartedAt, run.ContainerID)
			}
			next++
		}
		if s.FinishedAt != nil && s.Evidence != v1alpha1.EvidenceResized && next > 0 {
			if problem := compareEnd(s, runs[next-1]); problem != "" {
				complain("segment %d %s", i, problem)
			}
		}
	}
	for _, run := range runs[next:] {
		// Somebody else may start the container while it is about to be removed.
		if run.DiedAt.IsZero() || run.DiedAt.Sub(run.StartedAt) > unbilledSlack {
			complain("the run from %s to %s is not billed", run.StartedAt, run.DiedAt)
		}
	}
	return problems
}

// began says whether that is when the run began, as far as the engine told.
func (run *Run) began(at time.Time) bool {
	late := run.StartedAt.Sub(at)
	return late == 0 || !run.Inspected && late > 0 && late < eventLag
}

// compareEnd compares the end of a segment with that of the run it is of; "" if they agree.
func compareEnd(s v1alpha1.UsageSegment, run Run) string {
	switch late := run.DiedAt.Sub(s.FinishedAt.Time); {
	case s.Evidence == v1alpha1.EvidenceLastSeen:
		if late < 0 {
			return fmt.Sprintf("is estimated to %s, after its end at %s", s.FinishedAt, run.DiedAt)
		}
		return ""
	case run.DiedAt.IsZero():
		return fmt.Sprintf("ended at %s; the engine told of no end", s.FinishedAt)
	case s.FinishedAt.Time.Equal(run.FinishedAt), late == 0, run.FinishedAt.IsZero() && late > 0 && late < eventLag:
		return ""
	default:
		return fmt.Sprintf("ended at %s; the engine says %s, event %s", s.FinishedAt, run.FinishedAt, run.DiedAt)
	}
}

// strays is I3: nothing owned without a live lease after a minute.
func (a *Auditor) strays(w *world) []Violation {
	var found []Violation
	check := func(what string, uid types.UID, created time.Time) {
		if w.leases[uid] == nil && w.now.Sub(created) > strayAge {
			found = append(found, Violation{"I3", what, fmt.Sprintf("no lease has UID %s, and it is %s old", uid, w.now.Sub(created))})
		}
	}
	for _, c := range w.containers {
		check("container "+c.Name, types.UID(c.Config.Labels[v1alpha1.LabelUID]), engineTime(c.Created))
	}
	for _, s := range w.others {
		check(s.what, s.uid, s.created)
	}
	return found
}

// acknowledged is I4: every acknowledged lease exists or has its record.
func (a *Auditor) acknowledged(w *world) []Violation {
	var found []Violation
	for uid, name := range a.Acknowledged {
		recorded := slices.ContainsFunc(w.records, func(r v1alpha1.BillingRecord) bool { return r.Spec.Lease.UID == uid })
		if w.leases[uid] == nil && !recorded {
			found = append(found, Violation{"I4", name, "acknowledged, and neither stored nor billed"})
		}
	}
	return found
}

// limits is I5: limits in force equal limits in the spec.
func (a *Auditor) limits(w *world) []Violation {
	var found []Violation
	for _, c := range w.containers {
		lease := w.leases[types.UID(c.Config.Labels[v1alpha1.LabelUID])]
		if lease == nil || !c.State.Running || lease.Spec.Resources.CPU == nil || lease.Spec.Resources.Memory == nil {
			continue
		}
		cpu, memory := lease.Spec.Resources.CPU.MilliValue()*1e6, lease.Spec.Resources.Memory.Value()
		if h := c.HostConfig; h.NanoCPUs != cpu || h.Memory != memory || h.MemorySwap != memory {
			found = append(found, Violation{"I5", lease.Name, fmt.Sprintf(
				"limits in force are %d nano-CPUs, %d bytes (with swap %d), want %d and %d", h.NanoCPUs, h.Memory, h.MemorySwap, cpu, memory)})
		}
	}
	return found
}
