package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/containerlease/containerlease/api/v1alpha1"
)

// TestAuditorFinds checks the auditor on worlds made up for it: a sound one, and one with each fault. An
// auditor that finds nothing would pass every other test.
func TestAuditorFinds(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 123456789, time.UTC)
	at := func(d time.Duration) *v1alpha1.Timestamp { return ptr.To(v1alpha1.NewTimestamp(start.Add(d))) }
	for name, tc := range map[string]struct {
		breaks func(*subject)
		want   []string
	}{
		"Sound":   {func(*subject) {}, nil},
		"Running": {func(s *subject) { s.stillRuns(start) }, nil},
		"RunsOn": {func(s *subject) {
			s.stillRuns(start)
			s.now = start.Add(14 * time.Second)
		}, []string{"I1"}},
		"EndedLate": {func(s *subject) {
			s.run.DiedAt, s.run.FinishedAt = start.Add(20*time.Second), start.Add(20*time.Second)
			s.record.Spec.Segments[0].FinishedAt = at(20 * time.Second)
			s.record.Spec.Amount, s.record.Spec.BillableSeconds, _ = Bill(s.record.Spec.Pricing, s.record.Spec.Segments)
		}, []string{"I1"}},
		"EndedLateAfterAnOutage": {func(s *subject) {
			s.run.DiedAt, s.run.FinishedAt = start.Add(20*time.Second), start.Add(20*time.Second)
			s.record.Spec.Segments[0].FinishedAt = at(20 * time.Second)
			s.record.Spec.Amount, s.record.Spec.BillableSeconds, _ = Bill(s.record.Spec.Pricing, s.record.Spec.Segments)
			s.outages = []Outage{{start.Add(9 * time.Second), start.Add(15 * time.Second)}}
		}, nil},
		"EndedAtOnceWhenShortened": {func(s *subject) { s.lease.Spec.TTL, s.changed = "1s", start.Add(9*time.Second) }, nil},
		"EndedLateWhenShortened":   {func(s *subject) { s.lease.Spec.TTL, s.changed = "1s", start.Add(5*time.Second) }, []string{"I1"}},
		"NoRecord":                 {func(s *subject) { s.records = nil }, []string{"I2"}},
		"TwoRecords":               {func(s *subject) { s.records = append(s.records, s.records[0]) }, []string{"I2"}},
		"BilledTooSoon":            {func(s *subject) { s.lease.Status.Conditions = nil }, []string{"I2"}},
		"WrongAmount":              {func(s *subject) { s.record.Spec.Amount = "0.1" }, []string{"I2"}},
		"WrongSeconds":             {func(s *subject) { s.record.Spec.BillableSeconds = "11" }, []string{"I2"}},
		"WrongCurrency":            {func(s *subject) { s.record.Spec.Currency = "EUR" }, []string{"I2"}},
		"OtherName":                {func(s *subject) { s.record.Name = "x" }, []string{"I2"}},
		"OtherStart":               {func(s *subject) { s.run.StartedAt = start.Add(time.Millisecond) }, []string{"I2"}},
		"OtherEnd":                 {func(s *subject) { s.run.FinishedAt = s.run.FinishedAt.Add(time.Millisecond) }, []string{"I2"}},
		"OtherContainer":           {func(s *subject) { s.run.ContainerID = "other" }, []string{"I2"}},
		"EventOnly":                {func(s *subject) { s.run.FinishedAt = time.Time{} }, nil},
		"NotEstimated":             {func(s *subject) { s.record.Spec.Segments[0].Evidence = v1alpha1.EvidenceLastSeen }, []string{"I2"}},
		"UnbilledRun": {func(s *subject) {
			s.evidence.runs = append(s.evidence.runs, &Run{UID: "u", StartedAt: start.Add(time.Second)})
		}, []string{"I2"}},
		"BilledRunThatWasNone": {func(s *subject) { s.evidence.runs = nil }, []string{"I2"}},
		"OldOrphan":            {func(s *subject) { s.orphan(61 * time.Second) }, []string{"I3"}},
		"YoungOrphan":          {func(s *subject) { s.orphan(59 * time.Second) }, nil},
		"OldStray": {func(s *subject) {
			s.others = append(s.others, stray{"volume v", "nobody", s.now.Add(-2 * time.Minute)})
		}, []string{"I3"}},
		"LostLease":   {func(s *subject) { s.acked["gone"] = "gone" }, []string{"I4"}},
		"CleanedUp":   {func(s *subject) { delete(s.leases, "u") }, nil},
		"OtherLimits": {func(s *subject) { s.stillRuns(start); s.containers[0].HostConfig.Memory++ }, []string{"I5"}},
		"WithSwap":    {func(s *subject) { s.stillRuns(start); s.containers[0].HostConfig.MemorySwap = -1 }, []string{"I5"}},
	} {
		t.Run(name, func(t *testing.T) {
			pricing := newClass("").Spec.Pricing
			s := &subject{
				world: &world{now: start.Add(time.Minute), leases: map[types.UID]*v1alpha1.ContainerLease{}},
				lease: &v1alpha1.ContainerLease{
					ObjectMeta: metav1.ObjectMeta{Name: "l", UID: "u"},
					Spec: v1alpha1.ContainerLeaseSpec{
						TTL: "10s", TerminationGracePeriodSeconds: ptr.To[int64](2),
						Resources: v1alpha1.ResourceLimits{CPU: ptr.To(resource.MustParse("100m")), Memory: ptr.To(resource.MustParse("32Mi"))},
					},
					Status: v1alpha1.ContainerLeaseStatus{
						StartTime:  at(0),
						Conditions: []metav1.Condition{{Type: v1alpha1.ConditionFinished, Status: metav1.ConditionTrue}},
					},
				},
				run: &Run{
					UID: "u", ContainerID: "c", StartedAt: start, Inspected: true,
					FinishedAt: start.Add(10*time.Second + 20*time.Millisecond), DiedAt: start.Add(10*time.Second + 30*time.Millisecond),
				},
				acked: map[types.UID]string{"u": "l"},
			}
			s.leases["u"] = s.lease
			s.evidence = &Recorder{runs: []*Run{s.run}}
			record := v1alpha1.BillingRecord{
				ObjectMeta: metav1.ObjectMeta{Name: "u"},
				Spec: v1alpha1.BillingRecordSpec{
					Lease: v1alpha1.LeaseReference{Name: "l", UID: "u"}, Pricing: pricing, Currency: pricing.Currency,
					Segments: []v1alpha1.UsageSegment{{
						ContainerID: "c", StartedAt: *at(0), FinishedAt: at(10*time.Second + 20*time.Millisecond), Evidence: v1alpha1.EvidenceEngineExit,
						CPU: resource.MustParse("100m"), Memory: resource.MustParse("32Mi"),
					}},
				},
			}
			record.Spec.Amount, record.Spec.BillableSeconds, _ = Bill(pricing, record.Spec.Segments)
			s.records = []v1alpha1.BillingRecord{record}
			s.record = &s.records[0]

			tc.breaks(s)
			auditor := &Auditor{Evidence: s.evidence, Acknowledged: s.acked, Outages: s.outages, Changed: map[types.UID]time.Time{"u": s.changed}}
			var got []string
			for _, v := range auditor.judge(s.world) {
				t.Log(v)
				got = append(got, v.Invariant)
			}
			if got = slices.Compact(got); !slices.Equal(got, tc.want) {
				t.Errorf("the auditor found %v, want %v", got, tc.want)
			}
		})
	}
}

// subject is a world with a lease that ended, its run and its record.
type subject struct {
	*world
	lease    *v1alpha1.ContainerLease
	record   *v1alpha1.BillingRecord
	run      *Run
	acked    map[types.UID]string
	evidence *Recorder
	outages  []Outage
	changed  time.Time
}

// stillRuns turns the clock back to when the lease's container ran.
func (s *subject) stillRuns(start time.Time) {
	s.now = start.Add(5 * time.Second)
	s.lease.Status.Conditions = nil
	s.records = nil
	s.run.FinishedAt, s.run.DiedAt = time.Time{}, time.Time{}
	s.containers = append(s.containers, inspected("u", start, &container.State{
		Running: true, StartedAt: start.Format(time.RFC3339Nano), FinishedAt: "0001-01-01T00:00:00Z",
	}))
}

// orphan adds a container without a lease.
func (s *subject) orphan(age time.Duration) {
	s.containers = append(s.containers, inspected("nobody", s.now.Add(-age), &container.State{}))
}

func inspected(uid string, created time.Time, state *container.State) container.InspectResponse {
	return container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{
			ID: "c", Name: "containerlease-" + uid, Created: created.Format(time.RFC3339Nano), State: state,
			HostConfig: &container.HostConfig{Resources: container.Resources{NanoCPUs: 100e6, Memory: 32 << 20, MemorySwap: 32 << 20}},
		},
		Config: &container.Config{Labels: map[string]string{v1alpha1.LabelUID: uid}},
	}
}
