// Package openapi holds the generated OpenAPI definitions of every served type.
package openapi
