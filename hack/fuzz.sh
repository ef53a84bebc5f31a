#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for FUZZTIME each (a minute by
# default). What makes a target fail is kept in its package's testdata/fuzz, to be
# committed with the fix.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
fuzztime=${FUZZTIME:-1m}
failed=()

# Only packages that have targets are built.
while IFS= read -r directory; do
  package=./$directory
  mapfile -t targets < <(go test -list '^Fuzz' "$package" | grep '^Fuzz')
  for target in "${targets[@]}"; do
    echo "==> $package $target"
    # What is found is not made small for long: the time is for finding more.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x "$package" || failed+=("$package $target")
  done
done < <(git ls-files -z '*_test.go' | xargs -0 grep --files-with-matches '^func Fuzz' | xargs -n 1 dirname | sort --unique)

if ((${#failed[@]} > 0)); then
  printf '\nfuzzing failed:\n' >&2
  printf '  - %s\n' "${failed[@]}" >&2
  exit 1
fi
