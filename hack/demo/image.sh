#!/usr/bin/env bash
# Prints the reference of an image with a shell that the engine has: alpine where a
# registry answers, else one made here of a static busybox. The made one says so in its
# name: it must never pass for an alpine.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
public=docker.io/library/alpine:3.22
local=localhost/containerlease/demo:latest

present() { docker image inspect "$1" >/dev/null 2>&1; }

if present "$public"; then
  echo "$public"
  exit
fi
echo "==> Pulling $public" >&2
if timeout 120 docker pull --quiet "$public" >/dev/null 2>&1; then
  echo "$public"
  exit
fi
echo "==> No registry answers: using the local image $local" >&2
if ! present "$local"; then
  "$root/hack/setup/with.sh" busybox docker -- "$root/hack/demo/make-image.sh" "$local"
fi
echo "$local"
