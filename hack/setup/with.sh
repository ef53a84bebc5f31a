#!/usr/bin/env bash
# Usage: hack/setup/with.sh NEED... -- COMMAND [ARGUMENT...]
#
# Makes sure that each NEED is there, installs and starts what is missing, and runs
# COMMAND where it can reach all of it. Quiet when everything is there already; what is
# there is used as it is. Where something can't be installed, it says what to install and
# how, and fails before COMMAND has begun.
#
#   docker        a Docker Engine that answers: DOCKER_HOST, the current Docker context,
#                 the local daemon, or one that it starts
#   redis         a Redis: REDIS_URL, else the redis-server program for our server to run
#   redis-server  the redis-server program, whatever REDIS_URL says
#   busybox       a static busybox on the PATH, to make images without a registry
#   compiler      a C compiler, which Go's race detector needs
#   node          Node and npm, which the dashboard is built with
#   chromium      a Chromium, which the dashboard is tested in
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
state=$root/.run/setup
mkdir -p "$state"
export PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=hack/setup/packages.sh
source "$root/hack/setup/packages.sh"
# shellcheck source=hack/setup/busybox.sh
source "$root/hack/setup/busybox.sh"
# shellcheck source=hack/setup/docker.sh
source "$root/hack/setup/docker.sh"
# shellcheck source=hack/setup/node.sh
source "$root/hack/setup/node.sh"

needs=()
while (($# > 0)) && [[ $1 != -- ]]; do
  needs+=("$1")
  shift
done
if (($# < 2)); then
  fail "usage: hack/setup/with.sh NEED... -- COMMAND [ARGUMENT...]"
fi
shift

for need in "${needs[@]}"; do
  case $need in
    docker) need_docker ;;
    redis) [[ -n ${REDIS_URL:-} ]] || need_program redis-server redis-server ;;
    redis-server) need_program redis-server redis-server ;;
    busybox) need_busybox ;;
    compiler) need_compiler ;;
    node) need_node ;;
    chromium) need_chromium ;;
    *) fail "with.sh knows no need called \"$need\"" ;;
  esac
done

cd "$root"
if [[ $engine_group == "" ]]; then
  exec "$@"
fi
# The engine's socket is for its group, which this user isn't in. Instead of changing the
# user for good, COMMAND alone gets the group, as the user who called.
exec sudo -E -- setpriv --reuid "$(id -u)" --regid "$(id -g)" \
  --groups "$(id -G | tr ' ' ,),$engine_group" -- \
  env "PATH=$PATH" "HOME=$HOME" "USER=$(id -un)" "LOGNAME=$(id -un)" "$@"
