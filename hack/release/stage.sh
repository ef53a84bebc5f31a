#!/usr/bin/env bash
# Usage: hack/release/stage.sh OS ARCHITECTURE DIRECTORY
#
# Builds for a system and lays out in DIRECTORY, which must not exist, what its archive
# holds. On linux that is the server, its client and what belongs to running them, with
# all that the Dockerfile needs; elsewhere it is the client alone.
set -o errexit -o nounset -o pipefail

os=$1 architecture=$2 directory=$(realpath --canonicalize-missing "$3")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ -e $directory ]]; then
  echo "error: $directory is there already" >&2
  exit 1
fi
commands=(./cmd/leasectl)
files=(LICENSE README.md docs config/samples)
if [[ $os == linux ]]; then
  commands=(./cmd/containerlease ./cmd/leasectl)
  files=(LICENSE README.md Dockerfile .dockerignore docs
    config/{.env.example,compose.yaml,config.yaml,crd,samples,systemd})
fi

export GOOS=$os GOARCH=$architecture
mkdir -p "$directory"
make --no-print-directory build BIN="$directory/bin" COMMANDS="${commands[*]}"
hack/release/licenses.sh "${commands[@]}" >"$directory/LICENSES-THIRD-PARTY.txt"
cp --recursive --parents "${files[@]}" "$directory"
