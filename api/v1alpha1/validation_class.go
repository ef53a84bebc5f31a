package v1alpha1

import (
	"cmp"
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	maxCatalog     = 256
	maxDescription = 1024
	maxPidsLimit   = 32768
)

var (
	// catalogNamePattern is one path component of an image reference, so that a catalog
	// name is always well formed as spec.image.
	catalogNamePattern = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	currencyPattern    = regexp.MustCompile(`^[A-Z]{3}$`)
	runtimePattern     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// maxCatalogName bounds a catalog name.
const maxCatalogName = 63

// ValidateLeaseClass returns everything that is wrong with a class, contradictions
// between its parts included. Defaults must have been set.
func ValidateLeaseClass(class *LeaseClass) field.ErrorList {
	errs := apivalidation.ValidateObjectMeta(&class.ObjectMeta, false, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	return append(errs, validateClass(class)...)
}

// ValidateLeaseClassUpdate returns everything that is wrong with a change of a class.
func ValidateLeaseClassUpdate(class, old *LeaseClass) field.ErrorList {
	errs := apivalidation.ValidateObjectMetaUpdate(&class.ObjectMeta, &old.ObjectMeta, field.NewPath("metadata"))
	return append(errs, validateClass(class)...)
}

func validateClass(class *LeaseClass) field.ErrorList {
	var errs field.ErrorList
	if mark, marked := class.Annotations[DefaultClassAnnotation]; marked && mark != "true" && mark != "false" {
		errs = append(errs, field.NotSupported(field.NewPath("metadata", "annotations").Key(DefaultClassAnnotation), mark, []string{"true", "false"}))
	}
	spec, path := &class.Spec, field.NewPath("spec")
	errs = append(errs, validateImagePolicy(&spec.Images, path.Child("images"))...)
	errs = append(errs, validateDurationRange(spec.TTL, path.Child("ttl"))...)
	errs = append(errs, validateQuantityRange(spec.CPU, validateCPU, path.Child("cpu"))...)
	errs = append(errs, validateQuantityRange(spec.Memory, validateMemory, path.Child("memory"))...)
	errs = append(errs, validatePricing(&spec.Pricing, path.Child("pricing"))...)
	return append(errs, validateIsolation(&spec.Isolation, path.Child("isolation"))...)
}

func validateImagePolicy(images *ImagePolicy, path *field.Path) field.ErrorList {
	if len(images.Catalog)+len(images.Allow) == 0 {
		return field.ErrorList{field.Required(path, "give a catalog or an allow list: a class without either allows no lease")}
	}
	var errs field.ErrorList
	errs = append(errs, validateCatalog(images.Catalog, path.Child("catalog"))...)
	errs = append(errs, validateAllow(images.Allow, path.Child("allow"))...)
	return append(errs, validateEnum(path.Child("pullPolicy"), images.PullPolicy, pullPolicies, optional)...)
}

func validateCatalog(catalog []CatalogImage, path *field.Path) field.ErrorList {
	if len(catalog) > maxCatalog {
		return field.ErrorList{field.TooMany(path, len(catalog), maxCatalog)}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, entry := range catalog {
		at := path.Index(i)
		if len(entry.Name) > maxCatalogName || !catalogNamePattern.MatchString(entry.Name) {
			errs = append(errs, field.Invalid(at.Child("name"), abbreviate(entry.Name),
				`must be a name such as "ubuntu" or "ubuntu-22.04": lower-case letters and digits, with single ".", "_" or "-" between them, at most 63`))
		}
		if seen[entry.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), abbreviate(entry.Name)))
		}
		seen[entry.Name] = true
		if _, err := ParseImageReference(entry.Reference); err != nil {
			errs = append(errs, field.Invalid(at.Child("reference"), abbreviate(entry.Reference), err.Error()))
		}
		if len(entry.Description) > maxDescription {
			errs = append(errs, field.TooLong(at.Child("description"), "", maxDescription))
		}
	}
	return errs
}

func validateAllow(allow []string, path *field.Path) field.ErrorList {
	if len(allow) > maxCatalog {
		return field.ErrorList{field.TooMany(path, len(allow), maxCatalog)}
	}
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, pattern := range allow {
		if _, err := ParseImagePattern(pattern); err != nil {
			errs = append(errs, field.Invalid(path.Index(i), abbreviate(pattern), err.Error()))
		}
		if seen[pattern] {
			errs = append(errs, field.Duplicate(path.Index(i), abbreviate(pattern)))
		}
		seen[pattern] = true
	}
	return errs
}

func validateDurationRange(r DurationRange, path *field.Path) field.ErrorList {
	errs := validateDuration(r.Min, path.Child("min"))
	errs = append(errs, validateDuration(r.Default, path.Child("default"))...)
	errs = append(errs, validateDuration(r.Max, path.Child("max"))...)
	if len(errs) > 0 {
		return errs
	}
	least, _ := r.Min.Parse()
	usual, _ := r.Default.Parse()
	most, _ := r.Max.Parse()
	return validateOrder(cmp.Compare(least, usual), cmp.Compare(usual, most), string(r.Min), string(r.Default), string(r.Max), path)
}

func validateQuantityRange(r QuantityRange, validate func(resource.Quantity, *field.Path) field.ErrorList, path *field.Path) field.ErrorList {
	errs := validate(r.Min, path.Child("min"))
	errs = append(errs, validate(r.Default, path.Child("default"))...)
	errs = append(errs, validate(r.Max, path.Child("max"))...)
	if len(errs) > 0 {
		return errs
	}
	return validateOrder(r.Min.Cmp(r.Default), r.Default.Cmp(r.Max), r.Min.String(), r.Default.String(), r.Max.String(), path)
}

// validateOrder reports min > default and default > max, given how they compare.
func validateOrder(minToDefault, defaultToMax int, least, usual, most string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if minToDefault > 0 {
		errs = append(errs, field.Invalid(path.Child("min"), least, fmt.Sprintf("must not be more than default, which is %s", usual)))
	}
	if defaultToMax > 0 {
		errs = append(errs, field.Invalid(path.Child("default"), usual, fmt.Sprintf("must not be more than max, which is %s", most)))
	}
	return errs
}

func validatePricing(pricing *Pricing, path *field.Path) field.ErrorList {
	errs := validateCurrency(pricing.Currency, path.Child("currency"))
	for _, price := range []struct{ name, value string }{
		{"perCPUHour", pricing.PerCPUHour}, {"perGiBHour", pricing.PerGiBHour}, {"perLease", pricing.PerLease},
	} {
		if _, err := ParseDecimal(price.value); err != nil {
			errs = append(errs, field.Invalid(path.Child(price.name), abbreviate(price.value), err.Error()))
		}
	}
	return errs
}

func validateCurrency(currency string, path *field.Path) field.ErrorList {
	if currencyPattern.MatchString(currency) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, abbreviate(currency), `must be an ISO 4217 code such as "USD"`)}
}

func validateIsolation(isolation *Isolation, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if limit := isolation.PidsLimit; limit != nil && (*limit < 1 || *limit > maxPidsLimit) {
		errs = append(errs, field.Invalid(path.Child("pidsLimit"), *limit, fmt.Sprintf("must be from 1 to %d", maxPidsLimit)))
	}
	errs = append(errs, validateEnum(path.Child("network"), isolation.Network, networkModes, optional)...)
	if isolation.Runtime != "" && !runtimePattern.MatchString(isolation.Runtime) {
		errs = append(errs, field.Invalid(path.Child("runtime"), abbreviate(isolation.Runtime),
			`must be the name of a runtime that the engine knows, such as "runsc"`))
	}
	return errs
}
