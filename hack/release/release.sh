#!/usr/bin/env bash
# Usage: hack/release/release.sh DIRECTORY [COMMIT]
#
# Makes the archives of a release and their checksums in DIRECTORY, from a commit (HEAD,
# unless told otherwise) and never from the working tree. The same commit gives the same
# bytes on whatever machine: the compiler is the one that go.mod names, no path and no
# clock gets in, and the times in the archives are the commit's.
set -o errexit -o nounset -o pipefail

# What each archive is for. The server runs where containers do; the client elsewhere too.
platforms=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
output=$(realpath --canonicalize-missing "$1")
commit=$(git -C "$root" rev-parse --verify "${2:-HEAD}^{commit}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say() { printf '==> %s\n' "$*" >&2; }

if [[ $commit == $(git -C "$root" rev-parse HEAD) && -n $(git -C "$root" status --porcelain) ]]; then
  say "Changes that are not committed are not in the release"
fi
# A clone and not an export: the version comes from the tags.
git clone --quiet --shared --no-checkout "$root" "$scratch/source"
git -C "$scratch/source" -c core.autocrlf=false checkout --quiet --detach "$commit"
cd "$scratch/source"

# What of the environment could change the bytes.
GOTOOLCHAIN=go$(sed -n 's/^go //p' go.mod)
export GOTOOLCHAIN GOFLAGS=-buildvcs=false GOAMD64=v1 GOARM64=v8.0 GOFIPS140=off LC_ALL=C
unset GOEXPERIMENT VERSION
version=$(make --no-print-directory print-version)
time=$(git log -1 --format=%ct)

# archive NAME packs the directory of that name in $scratch.
archive() {
  tar --create --directory "$scratch" --format ustar --sort name --mtime "@$time" \
    --owner 0 --group 0 --numeric-owner --mode 'u+rw,go-w,a+rX' "$1" |
    gzip --no-name --best >"$scratch/out/$1.tar.gz"
}

mkdir "$scratch/out"
for platform in "${platforms[@]}"; do
  os=${platform%/*} architecture=${platform#*/}
  name=leasectl-$version-$os-$architecture
  if [[ $os == linux ]]; then
    name=containerlease-$version-$os-$architecture
  fi
  say "$name"
  hack/release/stage.sh "$os" "$architecture" "$scratch/$name"
  archive "$name"
  rm -rf "${scratch:?}/$name"
done
(cd "$scratch/out" && sha256sum -- *.tar.gz >SHA256SUMS)

# Nothing of an earlier release stays beside this one.
mkdir -p "$output"
rm -f "$output"/{containerlease,leasectl}-*.tar.gz "$output/SHA256SUMS"
mv "$scratch"/out/* "$output"
say "Version $version, commit $commit, is in $output:"
(cd "$output" && ls -l -- *.tar.gz SHA256SUMS) >&2
