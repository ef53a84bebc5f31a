package v1alpha1

import (
	"fmt"
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ValidateContainerLease returns everything that is wrong with a new lease by itself,
// whatever its class allows. Defaults must have been set.
func ValidateContainerLease(lease *ContainerLease) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&lease.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateLeaseSpec(&lease.Spec, field.NewPath("spec"))...)
}

// ValidateContainerLeaseUpdate returns everything that is wrong with a change of a lease.
func ValidateContainerLeaseUpdate(lease, old *ContainerLease) field.ErrorList {
	path := field.NewPath("spec")
	errs := apivalidation.ValidateObjectMetaUpdate(&lease.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	errs = append(errs, validateLeaseSpec(&lease.Spec, path)...)
	errs = append(errs, validateImmutable(&lease.Spec, &old.Spec, path)...)
	if apimeta.IsStatusConditionTrue(old.Status.Conditions, ConditionFinished) {
		errs = append(errs, validateFinishedUnchanged(&lease.Spec, &old.Spec, path)...)
	}
	return errs
}

// validateImmutable compares what a container can't change while it lives.
func validateImmutable(spec, old *ContainerLeaseSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, f := range []struct {
		name     string
		now, was any
	}{
		{"image", spec.Image, old.Image},
		{"className", spec.ClassName, old.ClassName},
		{"command", spec.Command, old.Command},
		{"args", spec.Args, old.Args},
		{"env", spec.Env, old.Env},
		{"workingDir", spec.WorkingDir, old.WorkingDir},
		{"user", spec.User, old.User},
		{"tty", spec.TTY, old.TTY},
		{"ports", spec.Ports, old.Ports},
	} {
		if !apiequality.Semantic.DeepEqual(f.now, f.was) {
			errs = append(errs, field.Invalid(path.Child(f.name), f.now,
				fmt.Sprintf("can't be changed, it is %s: delete the lease and create another", describe(f.was))))
		}
	}
	return errs
}

// validateFinishedUnchanged refuses changes that would silently have no effect.
func validateFinishedUnchanged(spec, old *ContainerLeaseSpec, path *field.Path) field.ErrorList {
	const detail = "can't be changed after the lease has ended: create another"
	var errs field.ErrorList
	if spec.TTL != old.TTL {
		errs = append(errs, field.Forbidden(path.Child("ttl"), detail))
	}
	if spec.OperatingMode != old.OperatingMode {
		errs = append(errs, field.Forbidden(path.Child("operatingMode"), detail))
	}
	if !sameSize(spec.Resources, old.Resources) {
		errs = append(errs, field.Forbidden(path.Child("resources"), detail))
	}
	return errs
}

// ValidateContainerLeaseStatusUpdate returns everything that is wrong with a change of a
// lease's status.
func ValidateContainerLeaseStatusUpdate(lease, old *ContainerLease) field.ErrorList {
	path := field.NewPath("status")
	status := &lease.Status
	errs := apivalidation.ValidateObjectMetaUpdate(&lease.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	errs = append(errs, validateEnum(path.Child("phase"), status.Phase, leasePhases, optional)...)
	errs = append(errs, validateEnum(path.Child("finishReason"), status.FinishReason, finishReasons, optional)...)
	errs = append(errs, metav1validation.ValidateConditions(status.Conditions, path.Child("conditions"))...)
	for _, condition := range []string{ConditionFinished, ConditionBilled} {
		if apimeta.IsStatusConditionTrue(old.Status.Conditions, condition) &&
			!apimeta.IsStatusConditionTrue(status.Conditions, condition) {
			errs = append(errs, field.Forbidden(path.Child("conditions").Key(condition), "stays True once it is True"))
		}
	}
	for i := range status.Segments {
		errs = append(errs, validateSegment(&status.Segments[i], i == len(status.Segments)-1, path.Child("segments").Index(i))...)
	}
	if status.Pricing != nil {
		errs = append(errs, validatePricing(status.Pricing, path.Child("pricing"))...)
	}
	if status.Cost != nil {
		errs = append(errs, validateCost(status.Cost, path.Child("cost"))...)
	}
	return errs
}

func validateCost(cost *LeaseCost, path *field.Path) field.ErrorList {
	errs := validateCurrency(cost.Currency, path.Child("currency"))
	errs = append(errs, validateAmount(cost.HourlyRate, path.Child("hourlyRate"))...)
	errs = append(errs, validateAmount(cost.Estimated, path.Child("estimated"))...)
	if cost.Final != "" {
		errs = append(errs, validateAmount(cost.Final, path.Child("final"))...)
	}
	return errs
}

// ValidateContainerLeaseLogOptions returns everything that makes no sense in a request for logs.
func ValidateContainerLeaseLogOptions(opts *ContainerLeaseLogOptions) field.ErrorList {
	var errs field.ErrorList
	if opts.TailLines != nil && *opts.TailLines < 0 {
		errs = append(errs, field.Invalid(field.NewPath("tailLines"), *opts.TailLines, "must not be negative"))
	}
	if opts.SinceSeconds != nil && *opts.SinceSeconds < 1 {
		errs = append(errs, field.Invalid(field.NewPath("sinceSeconds"), *opts.SinceSeconds, "must be at least 1"))
	}
	if opts.SinceSeconds != nil && opts.SinceTime != nil {
		errs = append(errs, field.Forbidden(field.NewPath("sinceTime"), "give sinceSeconds or sinceTime, not both"))
	}
	return append(errs, validateEnum(field.NewPath("format"), opts.Format, logFormats, optional)...)
}

var (
	leasePhases = []LeasePhase{LeasePending, LeaseProvisioning, LeaseRunning, LeaseSuspended,
		LeaseTerminating, LeaseFinished, LeaseFailed}
	finishReasons = []FinishReason{FinishExpired, FinishCompleted, FinishFailed, FinishOOMKilled,
		FinishDeleted, FinishLost, FinishProvisioningFailed}
	operatingModes = []OperatingMode{OperatingModeRunning, OperatingModeSuspended}
	pullPolicies   = []PullPolicy{PullIfNotPresent, PullAlways, PullNever}
	networkModes   = []NetworkMode{NetworkIsolated, NetworkNone}
	logFormats     = []LogFormat{LogText, LogJSON}
	evidences      = []UsageEvidence{EvidenceEngineExit, EvidenceResized, EvidenceLastSeen}
)

// Whether an enum may be empty.
const (
	required = false
	optional = true
)

func validateEnum[T ~string](path *field.Path, value T, allowed []T, mayBeEmpty bool) field.ErrorList {
	if slices.Contains(allowed, value) || mayBeEmpty && value == "" {
		return nil
	}
	return field.ErrorList{field.NotSupported(path, value, allowed)}
}

// describe names an old value in a message; what is long or a list is not repeated.
func describe(v any) string {
	if s := fmt.Sprint(v); s != "" && s != "[]" && len(s) <= 80 {
		return fmt.Sprintf("%q", s)
	}
	return "set at creation"
}
