#!/usr/bin/env bash
# Usage: GOOS=OS GOARCH=ARCH hack/release/licenses.sh PACKAGE...
#
# Prints the licences of all that is compiled into the commands, the dashboard's packages
# with the server's: each text once, below the modules it is for. Whoever passes on the
# binaries has to pass on these.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# By the digest of a text: a file that has it, and whose it is, a line each.
declare -A file_of users_of
digests=()

# add USER FILE
add() {
  local digest
  digest=$(sha256sum <"$2")
  if [[ -z ${file_of[$digest]:-} ]]; then
    file_of[$digest]=$2
    digests+=("$digest")
  fi
  if [[ ${users_of[$digest]:-} != *"$1"$'\n' ]]; then
    users_of[$digest]+=$1$'\n'
  fi
}

# licences DIRECTORY prints the files in it that are licences or notices.
licences() {
  find "$1" -maxdepth 1 -type f ! -name '*.go' \
    -iregex '.*/\(licen[cs]e\|copying\|notice\)\([.-].*\)?' | LC_ALL=C sort
}

# Code that a module took over from elsewhere has its licence beside it: the directory of
# each package is looked at, and not only the module's own.
directories=$(CGO_ENABLED=0 go list -deps -f '{{with .Module}}{{if not .Main -}}
{{.Path}} {{.Version}}{{"\t"}}{{.Dir}}
{{.Path}} {{.Version}}{{"\t"}}{{$.Dir}}
{{end}}{{end}}' "$@" | grep . | LC_ALL=C sort --unique)

add "The Go standard library" "$(go env GOROOT)/LICENSE"
licenced=
while IFS=$'\t' read -r module directory; do
  while IFS= read -r file; do
    add "$module" "$file"
    licenced=$module
  done < <(licences "$directory")
  # A module's own directory comes before those of its packages.
  if [[ $licenced != "$module" ]]; then
    echo "error: $module: no licence in $directory" >&2
    exit 1
  fi
done <<<"$directories"

# What the dashboard is made from, which is in the server. Each licence has to be one that
# asks for no more than to be named.
permissive='^(0BSD|Apache-2\.0|BSD-[23]-Clause|ISC|MIT|\(MIT OR CC0-1\.0\)|OFL-1\.1|Unlicense)$'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
packages=
if [[ " $* " == *" ./cmd/containerlease "* ]]; then
  packages=$(node hack/release/npm-packages.mjs)
fi
while IFS=$'\t' read -r package licence directory; do
  if [[ -z $package ]]; then continue; fi
  if [[ ! $licence =~ $permissive ]]; then
    echo "error: $package: whether it may be passed on is to be looked into, its licence is $licence" >&2
    exit 1
  fi
  files=$(licences "$directory")
  if [[ -z $files ]]; then
    files=$scratch/$licence
    echo "$licence, as the package says without the text of the licence." >"$files"
  fi
  while IFS= read -r file; do add "$package" "$file"; done <<<"$files"
done <<<"$packages"

for digest in "${digests[@]}"; do
  printf '%.0s=' {1..80}
  printf '\n%s' "${users_of[$digest]}"
  printf '%.0s-' {1..80}
  printf '\n'
  cat "${file_of[$digest]}"
  printf '\n'
done
