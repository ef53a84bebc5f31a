#!/usr/bin/env bash
# Stops what the demo and set-up started, and removes their state. An engine that was
# there before, or that systemd runs, is none of ours and stays.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
state=$root/.run/setup
# shellcheck source=hack/setup/packages.sh
source "$root/hack/setup/packages.sh"

if [[ -f $root/.run/demo/server.pid ]]; then
  "$root/hack/setup/with.sh" docker -- "$root/hack/demo/stop.sh"
fi
"$root/hack/setup/stop.sh"

[[ -d $root/.run ]] || exit 0
rm -rf "$root/.run" 2>/dev/null || as_root rm -rf "$root/.run"
