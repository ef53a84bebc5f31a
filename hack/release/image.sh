#!/usr/bin/env bash
# Usage: hack/release/image.sh TAG
#
# Builds the container image from the working tree, in the way in which anybody builds it
# from an unpacked release. Run it by `make image`, which sees to the engine.
set -o errexit -o nounset -o pipefail

tag=$1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The engine may be another machine than this one, in more than one sense.
architecture=$(docker version --format '{{.Server.Arch}}')
"$root/hack/release/stage.sh" linux "$architecture" "$scratch/stage"
docker build --tag "$tag" "$scratch/stage"
