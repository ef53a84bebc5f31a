// Schemas prints the schemas that the API's OpenAPI document serves, of the kinds that the
// dashboard uses and whatever they refer to, as an OpenAPI document without paths. The
// TypeScript types of web/ui are made of it.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kube-openapi/pkg/builder3"
	"k8s.io/kube-openapi/pkg/spec3"

	"github.com/containerlease/containerlease/api/server"
	"github.com/containerlease/containerlease/api/v1alpha1"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func write() error {
	config := server.OpenAPIV3()
	schemas, err := builder3.BuildOpenAPIDefinitionsForResources(config,
		v1alpha1.ContainerLease{}.OpenAPIModelName(),
		v1alpha1.BillingRecord{}.OpenAPIModelName(),
		v1alpha1.LeaseStats{}.OpenAPIModelName(),
		v1alpha1.LeaseClass{}.OpenAPIModelName(),
		eventsv1.Event{}.OpenAPIModelName(),
		metav1.Status{}.OpenAPIModelName(),
	)
	if err != nil {
		return err
	}
	document := spec3.OpenAPI{
		Version:    "3.0.0",
		Info:       config.Info,
		Paths:      &spec3.Paths{},
		Components: &spec3.Components{Schemas: schemas},
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}
