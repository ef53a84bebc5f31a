#!/usr/bin/env bash
# Ends every lease of the demo's server, so that no container is left without anybody to
# end it, and stops the server.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=hack/demo/server.sh
source "$root/hack/demo/server.sh"

if ! pid=$(server_pid); then
  echo "The demo's server does not run."
  rm -f "$pidfile"
  exit 0
fi
echo "Ending the leases of the demo's server"
"$leasectl" delete containerleases --all --all-namespaces --timeout 120s ||
  echo "Some leases could not be ended: see $log" >&2
stop_server || {
  echo "The server (pid $pid) does not end: see $log" >&2
  exit 1
}
echo "The demo's server is stopped."
