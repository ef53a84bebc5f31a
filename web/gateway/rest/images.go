package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/distribution/reference"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/containerlease/containerlease/api/policy"
	"github.com/containerlease/containerlease/api/v1alpha1"
	"github.com/containerlease/containerlease/web/gateway/caller"
	"github.com/containerlease/containerlease/web/gateway/problem"
	"github.com/containerlease/containerlease/web/gateway/rest/openapi"
)

func (h *Handler) listImages(w http.ResponseWriter, r *http.Request, _ caller.Caller) error {
	q := readQuery(r)
	name := q.one("className")
	if err := q.err(); err != nil {
		return err
	}
	class, err := h.class(r.Context(), name, "?className")
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, imagesModel(class))
}

// class returns the class of a name, the default class for none. What can't be had is the
// fault of field.
func (h *Handler) class(ctx context.Context, name, field string) (*v1alpha1.LeaseClass, error) {
	// What can't be a name must not become a part of a path, either.
	if name != "" && len(apivalidation.NameIsDNSSubdomain(name, false)) == 0 {
		var class v1alpha1.LeaseClass
		err := h.api.Get(ctx, client.ObjectKey{Name: name}, &class)
		if !apierrors.IsNotFound(err) {
			return &class, err
		}
	}
	var classes v1alpha1.LeaseClassList
	if err := h.api.List(ctx, &classes); err != nil {
		return nil, err
	}
	if name == "" {
		if class := policy.DefaultClass(classes.Items); class != nil {
			return class, nil
		}
	}
	message := "no class is marked as default"
	if name != "" {
		message = fmt.Sprintf("Invalid value: %q: there is no such class", abbreviate(name)) // as the API says it
	}
	return nil, invalid(problem.FieldError{Field: field, Message: message + "; " + existing(classes.Items)})
}

// existing names the classes there are, for a message.
func existing(classes []v1alpha1.LeaseClass) string {
	if len(classes) == 0 {
		return "there is none at all"
	}
	names := make([]string, len(classes))
	for i := range classes {
		names[i] = fmt.Sprintf("%q", classes[i].Name)
	}
	return "use " + strings.Join(names, " or ")
}

func imagesModel(class *v1alpha1.LeaseClass) openapi.Images {
	spec := &class.Spec
	model := openapi.Images{
		ClassName: class.Name,
		Images:    []openapi.Image{},
		Allow:     append([]string{}, spec.Images.Allow...),
		DurationMinutes: openapi.Bounds{
			Min: minutesOf(spec.TTL.Min), Default: minutesOf(spec.TTL.Default), Max: minutesOf(spec.TTL.Max),
		},
		CPUMilli: openapi.Bounds{
			Min: float64(spec.CPU.Min.MilliValue()), Default: float64(spec.CPU.Default.MilliValue()), Max: float64(spec.CPU.Max.MilliValue()),
		},
		MemoryMB: openapi.Bounds{
			Min: mebibytes(spec.Memory.Min), Default: mebibytes(spec.Memory.Default), Max: mebibytes(spec.Memory.Max),
		},
		Pricing: pricingModel(spec.Pricing),
	}
	for _, entry := range spec.Images.Catalog {
		model.Images = append(model.Images, imageModel(entry))
	}
	return model
}

func imageModel(entry v1alpha1.CatalogImage) openapi.Image {
	image := openapi.Image{ImageType: entry.Name, Reference: entry.Reference, Description: entry.Description}
	named, err := v1alpha1.ParseImageReference(entry.Reference)
	if err != nil {
		return image // as the class has it; the API lets no class have it
	}
	image.Reference = named.String()
	if digested, ok := named.(reference.Digested); ok {
		image.Digest = digested.Digest().String()
	}
	return image
}
