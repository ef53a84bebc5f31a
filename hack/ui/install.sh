#!/usr/bin/env bash
# Usage: hack/ui/install.sh
#
# Installs the packages of web/ui, as its package-lock.json pins them, unless they are there
# already. Checks the version of Node first, which says less clearly what it lacks.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../../web/ui"

wanted=20.19
if ! command -v npm >/dev/null || ! version=$(node --version); then
  echo "error: the dashboard is built with Node $wanted or later and npm, and there is none; see https://nodejs.org/en/download" >&2
  exit 1
fi
if ! printf 'v%s\n%s\n' "$wanted" "$version" | sort --version-sort --check=quiet; then
  echo "error: the dashboard is built with Node $wanted or later, and this is $version; see https://nodejs.org/en/download" >&2
  exit 1
fi

# npm writes this file last.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  npm ci --no-audit --no-fund --loglevel=error
  touch node_modules/.package-lock.json
fi
