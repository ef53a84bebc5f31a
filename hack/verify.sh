#!/usr/bin/env bash
# Fails if something that is made from something else is not up to date: generated code,
# go.mod, formatting. It compares with the working tree as it was, and not with the last
# commit, so that work in progress is no false alarm. What it regenerated is left in
# place, to be committed.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

# snapshot DIR copies every file that is or could be committed.
snapshot() {
  mkdir "$1"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do
      if [[ -f $file ]]; then printf '%s\0' "$file"; fi
    done | xargs -0 cp --parents --no-dereference -t "$1"
}

echo "==> Generated files"
snapshot "$scratch/before"
make --no-print-directory generate
snapshot "$scratch/after"
if ! diff --recursive --unified "$scratch/before" "$scratch/after"; then
  failed+=("generated files were out of date: commit what make generate changed")
fi

echo "==> go.mod and go.sum"
while IFS= read -r module; do
  if ! (cd "$(dirname "$module")" && go mod tidy -diff); then
    failed+=("$module or its go.sum is not tidy: run go mod tidy in its directory")
  fi
done < <(git ls-files 'go.mod' '*/go.mod')

echo "==> Formatting"
unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l -s)
if [[ -n $unformatted ]]; then
  echo "$unformatted"
  failed+=("files are not formatted: run gofmt -s -w on them")
fi

echo "==> Shell scripts"
if command -v shellcheck >/dev/null; then
  if ! git ls-files -z '*.sh' '.ci/run' | xargs -0 shellcheck --external-sources; then
    failed+=("shellcheck found something")
  fi
else
  echo "shellcheck is not installed (apt-get install shellcheck): not checked"
fi

if ((${#failed[@]} > 0)); then
  printf '\nverify failed:\n' >&2
  printf '  - %s\n' "${failed[@]}" >&2
  exit 1
fi
