package server

import (
	apiopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	openapicommon "k8s.io/kube-openapi/pkg/common"

	"github.com/containerlease/containerlease/api/server/openapi"
	"github.com/containerlease/containerlease/api/server/scheme"
)

const openAPITitle = "ContainerLease"

// describe says what is served, for clients and for server-side apply.
func describe(config *genericapiserver.Config) {
	namer := apiopenapi.NewDefinitionNamer(scheme.Public)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(openapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = openAPITitle
	config.OpenAPIV3Config = OpenAPIV3()
}

// OpenAPIV3 is what the served documents of OpenAPI 3 are made by, for whoever makes something of their
// schemas without a server.
func OpenAPIV3() *openapicommon.OpenAPIV3Config {
	config := genericapiserver.DefaultOpenAPIV3Config(openapi.GetOpenAPIDefinitions, apiopenapi.NewDefinitionNamer(scheme.Public))
	config.Info.Title = openAPITitle
	return config
}
