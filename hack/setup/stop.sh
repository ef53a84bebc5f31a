#!/usr/bin/env bash
# Stops the Docker daemon that set-up started, if it started one; its containers stop
# with it.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
state=$root/.run/setup
# shellcheck source=hack/setup/packages.sh
source "$root/hack/setup/packages.sh"

# The daemon removes its pid file when it ends; one that was killed leaves it, and the
# number may be somebody else's by now.
[[ -f $state/dockerd.pid ]] || exit 0
pid=$(<"$state/dockerd.pid")
if [[ $(cat "/proc/$pid/comm" 2>/dev/null) != dockerd ]]; then
  as_root rm -f "$state/dockerd.pid"
  exit 0
fi
say "Stopping the Docker Engine that set-up started (pid $pid)"
# The shell's own kill: the program is in a package that may be missing.
as_root bash -c "kill $pid"
deadline=$((SECONDS + 60))
while [[ -e /proc/$pid ]]; do
  ((SECONDS < deadline)) || fail "dockerd (pid $pid) does not end; see $state/dockerd.log"
  sleep 0.2
done
