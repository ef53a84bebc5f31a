#!/usr/bin/env bash
# Usage: hack/ui/install.sh
#
# Installs the packages of web/ui, as its package-lock.json pins them, unless they are there
# already.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../web/ui"

# npm writes this file last.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
