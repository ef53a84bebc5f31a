package v1alpha1

import (
	"bytes"
	"encoding/json"
	"regexp"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// amountPattern is wider than a price: amounts are sums of products.
var amountPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,29})(\.[0-9]{1,9})?$`)

// ValidateBillingRecord returns everything that is wrong with a new record.
func ValidateBillingRecord(record *BillingRecord) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&record.ObjectMeta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	spec, path := &record.Spec, field.NewPath("spec")
	if spec.Lease.Name == "" {
		errs = append(errs, field.Required(path.Child("lease", "name"), "name the lease"))
	}
	if string(spec.Lease.UID) != record.Name {
		errs = append(errs, field.Invalid(path.Child("lease", "uid"), spec.Lease.UID,
			"must equal metadata.name, so that a lease can have one record only"))
	}
	if spec.ClassName == "" {
		errs = append(errs, field.Required(path.Child("className"), "name the class of the lease"))
	}
	if spec.Image == "" {
		errs = append(errs, field.Required(path.Child("image"), "give the image of the lease"))
	}
	for i := range spec.Segments {
		errs = append(errs, validateSegment(&spec.Segments[i], false, path.Child("segments").Index(i))...)
	}
	errs = append(errs, validatePricing(&spec.Pricing, path.Child("pricing"))...)
	errs = append(errs, validateAmount(spec.BillableSeconds, path.Child("billableSeconds"))...)
	errs = append(errs, validateAmount(spec.Amount, path.Child("amount"))...)
	errs = append(errs, validateCurrency(spec.Currency, path.Child("currency"))...)
	return append(errs, validateEnum(path.Child("finishReason"), spec.FinishReason, finishReasons, required)...)
}

// ValidateBillingRecordUpdate refuses any change of what was billed. Labels and
// annotations may change.
func ValidateBillingRecordUpdate(record, old *BillingRecord) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaUpdate(&record.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	if !sameBill(&record.Spec, &old.Spec) {
		errs = append(errs, field.Forbidden(field.NewPath("spec"), "is immutable: what was billed stays"))
	}
	return errs
}

// validateSegment checks a segment; only one that may be open can lack its end.
func validateSegment(segment *UsageSegment, mayBeOpen bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if segment.ContainerID == "" {
		errs = append(errs, field.Required(path.Child("containerID"), "name the container"))
	}
	if segment.StartedAt.IsZero() {
		errs = append(errs, field.Required(path.Child("startedAt"), "say when the segment began"))
	}
	switch {
	case segment.FinishedAt != nil:
		errs = append(errs, validateEnum(path.Child("evidence"), segment.Evidence, evidences, required)...)
	case !mayBeOpen:
		errs = append(errs, field.Required(path.Child("finishedAt"), "say when the segment ended"))
	}
	errs = append(errs, validateCPU(segment.CPU, path.Child("cpu"))...)
	return append(errs, validateMemory(segment.Memory, path.Child("memory"))...)
}

func validateAmount(amount string, path *field.Path) field.ErrorList {
	if amountPattern.MatchString(amount) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, abbreviate(amount), `must be a decimal number in quotes such as "0.011251338", with at most nine decimals and no sign`)}
}

// sameBill compares two bills as they are stored.
func sameBill(a, b *BillingRecordSpec) bool {
	left, errA := json.Marshal(a)
	right, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(left, right)
}
