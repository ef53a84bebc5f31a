#!/usr/bin/env bash
# Writes everything that is generated from the Go types of the API (deepcopy functions,
# OpenAPI definitions and CRD manifests), and the Go types of the gateway from its OpenAPI
# document; and of the dashboard the TypeScript types of both, from what the server serves.
# Deterministic; needs Go and Node. The generators are built from hack/tools, whose go.mod
# pins them, and from web/ui, whose package-lock.json does.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin="$root/bin/tools"
header="$root/hack/boilerplate.txt"
module=github.com/containerlease/containerlease
# Warnings about API conventions go here; what matters is whether the file could be written.
violations=$(mktemp)
schemas=$(mktemp --suffix=.json)
trap 'rm -f "$violations" "$schemas"' EXIT

mkdir -p "$bin"
(cd "$root/hack/tools" && go build -o "$bin/" \
	k8s.io/code-generator/cmd/deepcopy-gen \
	k8s.io/kube-openapi/cmd/openapi-gen \
	sigs.k8s.io/controller-tools/cmd/controller-gen \
	github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen \
	./openapi-prune)

cd "$root"

"$bin/deepcopy-gen" --go-header-file "$header" \
	--output-file zz_generated.deepcopy.go "$module/api/v1alpha1"

# Whatever the server serves, ours and Kubernetes' own, in one run: only then does each
# type refer to the others by the names that server-side apply looks them up by. Of
# core/v1 hardly anything is served.
kubernetes=(
	k8s.io/apimachinery/pkg/apis/meta/v1
	k8s.io/apimachinery/pkg/api/resource
	k8s.io/apimachinery/pkg/runtime
	k8s.io/apimachinery/pkg/util/intstr
	k8s.io/apimachinery/pkg/version
	k8s.io/api/authentication/v1
	k8s.io/api/authorization/v1
	k8s.io/api/coordination/v1
	k8s.io/api/core/v1
	k8s.io/api/events/v1
)
# Each of them has to be named as read-only, exactly: the generator writes model names
# into the directory of any other input, and for a dependency that is the module cache,
# whose permissions don't keep root out.
"$bin/openapi-gen" --go-header-file "$header" -r "$violations" \
	--output-dir api/server/openapi --output-pkg "$module/api/server/openapi" \
	--output-file zz_generated.openapi.go \
	--output-model-name-file zz_generated.model_name.go \
	--readonly-pkg "$(IFS=, && echo "${kubernetes[*]}")" \
	"$module/api/v1alpha1" "${kubernetes[@]}"
"$bin/openapi-prune" -package corev1 -keep Namespace,NamespaceList,Event,EventList \
	api/server/openapi/zz_generated.openapi.go

# For those who run the controllers against a Kubernetes API of their own.
"$bin/controller-gen" crd paths=./api/v1alpha1 output:crd:dir=config/crd

(cd web/gateway/rest/openapi && "$bin/oapi-codegen" -config oapi-codegen.yaml openapi.yaml)

# The dashboard knows the API by what the server says of it, and not by what somebody copied.
hack/ui/install.sh
openapi_typescript=(web/ui/node_modules/.bin/openapi-typescript --default-non-nullable=false)
go run ./hack/schemas >"$schemas"
"${openapi_typescript[@]}" "$schemas" -o web/ui/src/api/kubernetes.gen.ts
"${openapi_typescript[@]}" web/gateway/rest/openapi/openapi.yaml -o web/ui/src/api/gateway.gen.ts
