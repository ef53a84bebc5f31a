package v1alpha1

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
)

// fields lists what is complained about, as "field: type".
func fields(errs field.ErrorList) []string {
	var list []string
	for _, err := range errs {
		list = append(list, err.Field+": "+string(err.Type))
	}
	return list
}

func quantity(s string) *resource.Quantity { return ptr.To(resource.MustParse(s)) }

func validLease() *ContainerLease {
	lease := &ContainerLease{
		ObjectMeta: metav1.ObjectMeta{Name: "demo", Namespace: "default"},
		Spec: ContainerLeaseSpec{
			Image: "ubuntu", ClassName: "standard", TTL: "30m",
			Resources:  ResourceLimits{CPU: quantity("500m"), Memory: quantity("512Mi")},
			Command:    []string{"bash", "-c", ""},
			Env:        []EnvVar{{Name: "A", Value: "line\nline"}, {Name: "B"}},
			WorkingDir: "/srv", User: "1000:1000",
			Ports: []ContainerPort{{ContainerPort: 53}, {ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
		},
	}
	SetContainerLeaseDefaults(lease)
	return lease
}

func TestValidateContainerLease(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*ContainerLease)
		want   []string
	}{
		"Valid":           {func(*ContainerLease) {}, nil},
		"LeftToTheClass":  {func(l *ContainerLease) { l.Spec.TTL, l.Spec.Resources, l.Spec.ClassName = "", ResourceLimits{}, "" }, nil},
		"NoName":          {func(l *ContainerLease) { l.Name = "" }, []string{"metadata.name: FieldValueRequired"}},
		"NameTooLong":     {func(l *ContainerLease) { l.Name = strings.Repeat("a", 254) }, []string{"metadata.name: FieldValueInvalid"}},
		"LongestName":     {func(l *ContainerLease) { l.Name = strings.Repeat("a", 253) }, nil},
		"BadLabel":        {func(l *ContainerLease) { l.Labels = map[string]string{"a b": ""} }, []string{"metadata.labels: FieldValueInvalid"}},
		"NoImage":         {func(l *ContainerLease) { l.Spec.Image = "" }, []string{"spec.image: FieldValueRequired"}},
		"ImageWithSpace":  {func(l *ContainerLease) { l.Spec.Image = "ubuntu ; rm -rf /" }, []string{"spec.image: FieldValueInvalid"}},
		"HugeImage":       {func(l *ContainerLease) { l.Spec.Image = strings.Repeat("a", 10000) }, []string{"spec.image: FieldValueInvalid"}},
		"BadClassName":    {func(l *ContainerLease) { l.Spec.ClassName = "A/B" }, []string{"spec.className: FieldValueInvalid"}},
		"NegativeTTL":     {func(l *ContainerLease) { l.Spec.TTL = "-5m" }, []string{"spec.ttl: FieldValueInvalid"}},
		"ZeroTTL":         {func(l *ContainerLease) { l.Spec.TTL = "0s" }, []string{"spec.ttl: FieldValueInvalid"}},
		"TenYears":        {func(l *ContainerLease) { l.Spec.TTL = "87600h" }, []string{"spec.ttl: FieldValueInvalid"}},
		"HugeCPU":         {func(l *ContainerLease) { l.Spec.Resources.CPU = quantity("1e9") }, []string{"spec.resources.cpu: FieldValueInvalid"}},
		"AbsurdExponent":  {func(l *ContainerLease) { l.Spec.Resources.CPU = quantity("1e999999999") }, []string{"spec.resources.cpu: FieldValueInvalid"}},
		"ZeroCPU":         {func(l *ContainerLease) { l.Spec.Resources.CPU = quantity("0") }, []string{"spec.resources.cpu: FieldValueInvalid"}},
		"PartsOfMilliCPU": {func(l *ContainerLease) { l.Spec.Resources.CPU = quantity("100500u") }, []string{"spec.resources.cpu: FieldValueInvalid"}},
		"NegativeMemory":  {func(l *ContainerLease) { l.Spec.Resources.Memory = quantity("-1") }, []string{"spec.resources.memory: FieldValueInvalid"}},
		"PartsOfABytes":   {func(l *ContainerLease) { l.Spec.Resources.Memory = quantity("536870912500m") }, []string{"spec.resources.memory: FieldValueInvalid"}},
		"FractionOfGiB":   {func(l *ContainerLease) { l.Spec.Resources.Memory = quantity("0.5Gi") }, nil},
		"EmptyProgram":    {func(l *ContainerLease) { l.Spec.Command = []string{""} }, []string{"spec.command[0]: FieldValueRequired"}},
		"NULInArgs":       {func(l *ContainerLease) { l.Spec.Args = []string{"a\x00b"} }, []string{"spec.args[0]: FieldValueInvalid"}},
		"LongArg":         {func(l *ContainerLease) { l.Spec.Args = []string{strings.Repeat("a", maxStringBytes+1)} }, []string{"spec.args[0]: FieldValueTooLong"}},
		"TooManyArgs":     {func(l *ContainerLease) { l.Spec.Args = make([]string, maxStrings+1) }, []string{"spec.args: FieldValueTooMany"}},
		"TooMuchAltogether": {func(l *ContainerLease) {
			for range 5 {
				l.Spec.Args = append(l.Spec.Args, strings.Repeat("a", maxStringBytes))
			}
		}, []string{"spec: FieldValueInvalid"}},
		"EnvNames": {func(l *ContainerLease) {
			l.Spec.Env = []EnvVar{{Name: ""}, {Name: "A=B"}, {Name: "C"}, {Name: "C"}}
		}, []string{"spec.env[0].name: FieldValueRequired", "spec.env[1].name: FieldValueInvalid", "spec.env[3].name: FieldValueDuplicate"}},
		"RelativeDir":  {func(l *ContainerLease) { l.Spec.WorkingDir = "srv" }, []string{"spec.workingDir: FieldValueInvalid"}},
		"ShellInUser":  {func(l *ContainerLease) { l.Spec.User = "root;id" }, []string{"spec.user: FieldValueInvalid"}},
		"NegativeUser": {func(l *ContainerLease) { l.Spec.User = "-1" }, []string{"spec.user: FieldValueInvalid"}},
		"Ports": {func(l *ContainerLease) {
			l.Spec.Ports = []ContainerPort{{0, "TCP"}, {65536, "TCP"}, {80, "SCTP"}, {80, "TCP"}, {80, "TCP"}}
		}, []string{"spec.ports[0].containerPort: FieldValueInvalid", "spec.ports[1].containerPort: FieldValueInvalid",
			"spec.ports[2].protocol: FieldValueNotSupported", "spec.ports[4]: FieldValueDuplicate"}},
		"Mode": {func(l *ContainerLease) { l.Spec.OperatingMode = "Paused" }, []string{"spec.operatingMode: FieldValueNotSupported"}},
		"Periods": {func(l *ContainerLease) {
			l.Spec.TerminationGracePeriodSeconds, l.Spec.ProvisioningDeadlineSeconds, l.Spec.TTLSecondsAfterFinished = ptr.To[int64](-1), ptr.To[int64](0), ptr.To[int64](1<<40)
		}, []string{"spec.terminationGracePeriodSeconds: FieldValueInvalid", "spec.provisioningDeadlineSeconds: FieldValueInvalid", "spec.ttlSecondsAfterFinished: FieldValueInvalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			lease := validLease()
			tc.change(lease)
			if diff := cmp.Diff(tc.want, fields(ValidateContainerLease(lease))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestValidateContainerLeaseUpdate(t *testing.T) {
	finished := func(l *ContainerLease) {
		l.Status.Conditions = []metav1.Condition{{Type: ConditionFinished, Status: metav1.ConditionTrue, Reason: "Expired"}}
	}
	for name, tc := range map[string]struct {
		prepare func(*ContainerLease)
		change  func(*ContainerLease)
		want    []string
	}{
		"Changeable": {change: func(l *ContainerLease) {
			l.Spec.TTL, l.Spec.OperatingMode, l.Spec.Resources = "1h", OperatingModeSuspended, ResourceLimits{CPU: quantity("1"), Memory: quantity("1Gi")}
			l.Spec.TTLSecondsAfterFinished = ptr.To[int64](1)
			l.Labels = map[string]string{"a": "b"}
		}},
		"Immutable": {change: func(l *ContainerLease) {
			l.Spec.Image, l.Spec.ClassName, l.Spec.Command, l.Spec.Args, l.Spec.Env = "alpine", "other", nil, []string{"x"}, nil
			l.Spec.WorkingDir, l.Spec.User, l.Spec.TTY, l.Spec.Ports = "/", "root", true, nil
		}, want: []string{"spec.image: FieldValueInvalid", "spec.className: FieldValueInvalid", "spec.command: FieldValueInvalid",
			"spec.args: FieldValueInvalid", "spec.env: FieldValueInvalid", "spec.workingDir: FieldValueInvalid",
			"spec.user: FieldValueInvalid", "spec.tty: FieldValueInvalid", "spec.ports: FieldValueInvalid"}},
		"EmptyIsNil": {change: func(l *ContainerLease) { l.Spec.Args = []string{} }},
		"AfterTheEnd": {prepare: finished, change: func(l *ContainerLease) {
			l.Spec.TTL, l.Spec.OperatingMode, l.Spec.Resources.CPU = "1h", OperatingModeSuspended, quantity("1")
		}, want: []string{"spec.ttl: FieldValueForbidden", "spec.operatingMode: FieldValueForbidden", "spec.resources: FieldValueForbidden"}},
		"MetadataAfterTheEnd": {prepare: finished, change: func(l *ContainerLease) { l.Finalizers = nil; l.Labels = map[string]string{"a": "b"} }},
	} {
		t.Run(name, func(t *testing.T) {
			old := validLease()
			old.ResourceVersion = "1"
			if tc.prepare != nil {
				tc.prepare(old)
			}
			lease := old.DeepCopy()
			tc.change(lease)
			if diff := cmp.Diff(tc.want, fields(ValidateContainerLeaseUpdate(lease, old))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestValidateContainerLeaseStatusUpdate(t *testing.T) {
	now := NewTimestamp(time.Unix(1700000000, 123456789))
	condition := func(kind string, status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: "Some", LastTransitionTime: metav1.Now()}
	}
	pricing := &Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"}
	segment := UsageSegment{ContainerID: "c", StartedAt: now, CPU: *quantity("500m"), Memory: *quantity("512Mi")}
	for name, tc := range map[string]struct {
		old, status ContainerLeaseStatus
		want        []string
	}{
		"Running": {status: ContainerLeaseStatus{
			Phase: LeaseRunning, Pricing: pricing, Segments: []UsageSegment{segment}, StartTime: &now,
			Conditions: []metav1.Condition{condition(ConditionReady, metav1.ConditionTrue)},
			Cost:       &LeaseCost{Currency: "USD", HourlyRate: "0.0225", Estimated: "0.01125"},
		}},
		"Unknown": {status: ContainerLeaseStatus{Phase: "Sleeping", FinishReason: "Bored"},
			want: []string{"status.phase: FieldValueNotSupported", "status.finishReason: FieldValueNotSupported"}},
		"FinishedStays": {
			old:  ContainerLeaseStatus{Conditions: []metav1.Condition{condition(ConditionFinished, metav1.ConditionTrue), condition(ConditionBilled, metav1.ConditionTrue)}},
			want: []string{"status.conditions[Finished]: FieldValueForbidden", "status.conditions[Billed]: FieldValueForbidden"},
		},
		"OnlyTheLastSegmentIsOpen": {status: ContainerLeaseStatus{Segments: []UsageSegment{segment, segment}},
			want: []string{"status.segments[0].finishedAt: FieldValueRequired"}},
		"Money": {status: ContainerLeaseStatus{Pricing: &Pricing{Currency: "$", PerCPUHour: "x", PerGiBHour: "1", PerLease: "1"},
			Cost: &LeaseCost{Currency: "USD", HourlyRate: "-1", Estimated: "1.", Final: "1,5"}},
			want: []string{"status.pricing.currency: FieldValueInvalid", "status.pricing.perCPUHour: FieldValueInvalid",
				"status.cost.hourlyRate: FieldValueInvalid", "status.cost.estimated: FieldValueInvalid", "status.cost.final: FieldValueInvalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			old := validLease()
			old.ResourceVersion = "1"
			old.Status = tc.old
			lease := old.DeepCopy()
			lease.Status = tc.status
			if diff := cmp.Diff(tc.want, fields(ValidateContainerLeaseStatusUpdate(lease, old))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func validClass() *LeaseClass {
	class := &LeaseClass{
		ObjectMeta: metav1.ObjectMeta{Name: "standard", Annotations: map[string]string{DefaultClassAnnotation: "true"}},
		Spec: LeaseClassSpec{
			Images: ImagePolicy{
				Catalog: []CatalogImage{{Name: "ubuntu", Reference: "ubuntu:22.04"}, {Name: "pin_ned", Reference: "a/b@sha256:" + strings.Repeat("a", 64)}},
				Allow:   []string{"docker.io/library/alpine:*"},
			},
			TTL:     DurationRange{"5m", "30m", "2h"},
			CPU:     QuantityRange{*quantity("250m"), *quantity("500m"), *quantity("2")},
			Memory:  QuantityRange{*quantity("256Mi"), *quantity("512Mi"), *quantity("2Gi")},
			Pricing: Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005"},
		},
	}
	SetLeaseClassDefaults(class)
	return class
}

func TestValidateLeaseClass(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*LeaseClass)
		want   []string
	}{
		"Valid":    {func(*LeaseClass) {}, nil},
		"Equal":    {func(c *LeaseClass) { c.Spec.TTL = DurationRange{"60s", "1m", "60000ms"} }, nil},
		"BadMark":  {func(c *LeaseClass) { c.Annotations[DefaultClassAnnotation] = "yes" }, []string{"metadata.annotations[containerlease.dev/is-default-class]: FieldValueNotSupported"}},
		"NoImages": {func(c *LeaseClass) { c.Spec.Images = ImagePolicy{} }, []string{"spec.images: FieldValueRequired"}},
		"Duplicates": {func(c *LeaseClass) {
			c.Spec.Images.Catalog[1].Name = "ubuntu"
			c.Spec.Images.Allow = []string{"a", "a"}
		}, []string{"spec.images.catalog[1].name: FieldValueDuplicate", "spec.images.allow[1]: FieldValueDuplicate"}},
		"BadImages": {func(c *LeaseClass) {
			c.Spec.Images.Catalog = []CatalogImage{{Name: "Up", Reference: "A"}, {Name: "a/b", Reference: ""}}
			c.Spec.Images.Allow = []string{"ubuntu:3.*", "alp*/x", "", "a b", "*:5000/x", "ubuntu:"}
			c.Spec.Images.PullPolicy = "Sometimes"
		}, []string{"spec.images.catalog[0].name: FieldValueInvalid", "spec.images.catalog[0].reference: FieldValueInvalid",
			"spec.images.catalog[1].name: FieldValueInvalid", "spec.images.catalog[1].reference: FieldValueInvalid",
			"spec.images.allow[0]: FieldValueInvalid", "spec.images.allow[1]: FieldValueInvalid", "spec.images.allow[2]: FieldValueInvalid",
			"spec.images.allow[3]: FieldValueInvalid", "spec.images.allow[4]: FieldValueInvalid", "spec.images.allow[5]: FieldValueInvalid", "spec.images.pullPolicy: FieldValueNotSupported"}},
		"MinAboveDefaultAboveMax": {func(c *LeaseClass) {
			c.Spec.TTL = DurationRange{"2h", "30m", "5m"}
			c.Spec.CPU.Default = *quantity("3")
			c.Spec.Memory.Min = *quantity("1Gi")
		}, []string{"spec.ttl.min: FieldValueInvalid", "spec.ttl.default: FieldValueInvalid", "spec.cpu.default: FieldValueInvalid", "spec.memory.min: FieldValueInvalid"}},
		"Absurd": {func(c *LeaseClass) {
			c.Spec.CPU.Max = *quantity("1e9999999")
			c.Spec.Memory.Max = *quantity("9999999Ti")
			c.Spec.TTL.Max = "99999h99999h99999h"
		}, []string{"spec.ttl.max: FieldValueInvalid", "spec.cpu.max: FieldValueInvalid", "spec.memory.max: FieldValueInvalid"}},
		"BelowTheEngine": {func(c *LeaseClass) { c.Spec.Memory.Min, c.Spec.CPU.Min = *quantity("1Mi"), *quantity("1m") }, []string{"spec.cpu.min: FieldValueInvalid", "spec.memory.min: FieldValueInvalid"}},
		"Prices": {func(c *LeaseClass) {
			c.Spec.Pricing = Pricing{Currency: "usd", PerCPUHour: "-0.04", PerGiBHour: "0.0000000001", PerLease: "1e3"}
		}, []string{"spec.pricing.currency: FieldValueInvalid", "spec.pricing.perCPUHour: FieldValueInvalid", "spec.pricing.perGiBHour: FieldValueInvalid", "spec.pricing.perLease: FieldValueInvalid"}},
		"Isolation": {func(c *LeaseClass) {
			c.Spec.Isolation = Isolation{PidsLimit: ptr.To[int64](0), Network: "Host", Runtime: "../runc"}
		}, []string{"spec.isolation.pidsLimit: FieldValueInvalid", "spec.isolation.network: FieldValueNotSupported", "spec.isolation.runtime: FieldValueInvalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			class := validClass()
			tc.change(class)
			if diff := cmp.Diff(tc.want, fields(ValidateLeaseClass(class))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func validRecord() *BillingRecord {
	start := NewTimestamp(time.Unix(1700000000, 1))
	end := NewTimestamp(start.Add(time.Minute))
	return &BillingRecord{
		ObjectMeta: metav1.ObjectMeta{Name: "2ad3a3c4-0000-4000-8000-000000000000", Namespace: "default", ResourceVersion: "1"},
		Spec: BillingRecordSpec{
			Lease:     LeaseReference{Name: "demo", UID: "2ad3a3c4-0000-4000-8000-000000000000"},
			ClassName: "standard", Image: "docker.io/library/ubuntu:22.04",
			Segments: []UsageSegment{{ContainerID: "c", StartedAt: start, FinishedAt: &end, Evidence: EvidenceEngineExit, CPU: *quantity("500m"), Memory: *quantity("512Mi")}},
			Pricing:  Pricing{Currency: "USD", PerCPUHour: "0.04", PerGiBHour: "0.005", PerLease: "0"},
			Amount:   "0.000375", BillableSeconds: "60", Currency: "USD", FinishReason: FinishExpired,
		},
	}
}

func TestValidateBillingRecord(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*BillingRecord)
		want   []string
	}{
		"Valid":        {func(*BillingRecord) {}, nil},
		"NeverStarted": {func(r *BillingRecord) { r.Spec.Segments, r.Spec.Amount, r.Spec.BillableSeconds = nil, "0", "0" }, nil},
		"AnotherName":  {func(r *BillingRecord) { r.Name = "demo" }, []string{"spec.lease.uid: FieldValueInvalid"}},
		"OpenSegment":  {func(r *BillingRecord) { r.Spec.Segments[0].FinishedAt = nil }, []string{"spec.segments[0].finishedAt: FieldValueRequired"}},
		"Negative":     {func(r *BillingRecord) { r.Spec.Amount = "-1" }, []string{"spec.amount: FieldValueInvalid"}},
		"Empty": {func(r *BillingRecord) { r.Spec = BillingRecordSpec{} }, []string{
			"spec.lease.name: FieldValueRequired", "spec.lease.uid: FieldValueInvalid", "spec.className: FieldValueRequired", "spec.image: FieldValueRequired",
			"spec.pricing.currency: FieldValueInvalid", "spec.pricing.perCPUHour: FieldValueInvalid", "spec.pricing.perGiBHour: FieldValueInvalid", "spec.pricing.perLease: FieldValueInvalid",
			"spec.billableSeconds: FieldValueInvalid", "spec.amount: FieldValueInvalid", "spec.currency: FieldValueInvalid", "spec.finishReason: FieldValueNotSupported"}},
	} {
		t.Run(name, func(t *testing.T) {
			record := validRecord()
			tc.change(record)
			if diff := cmp.Diff(tc.want, fields(ValidateBillingRecord(record))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestBillingRecordsCannotBeChanged(t *testing.T) {
	old := validRecord()
	same := old.DeepCopy()
	same.Labels = map[string]string{"a": "b"}
	same.Spec.Segments[0].CPU = *quantity("0.5")
	if errs := ValidateBillingRecordUpdate(same, old); len(errs) > 0 {
		t.Errorf("a label, and the same size written otherwise: %v", errs)
	}
	for name, change := range map[string]func(*BillingRecord){
		"Amount": func(r *BillingRecord) { r.Spec.Amount = "0" },
		"Nanosecond": func(r *BillingRecord) {
			r.Spec.Segments[0].StartedAt = NewTimestamp(r.Spec.Segments[0].StartedAt.Add(1))
		},
		"Estimated": func(r *BillingRecord) { r.Spec.Estimated = true },
	} {
		t.Run(name, func(t *testing.T) {
			record := old.DeepCopy()
			change(record)
			if diff := cmp.Diff([]string{"spec: FieldValueForbidden"}, fields(ValidateBillingRecordUpdate(record, old))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
