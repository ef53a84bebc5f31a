#!/usr/bin/env bash
# Usage: hack/demo/make-image.sh REFERENCE
#
# Makes an image of the static busybox on the PATH, with its commands as links.
set -o errexit -o nounset -o pipefail

busybox=$(command -v busybox)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree"/{bin,dev,etc,proc,root,sys,tmp}
chmod 1777 "$tree/tmp"
install -m 0755 "$busybox" "$tree/bin/busybox"
"$busybox" --list | while IFS= read -r applet; do
  [[ $applet == busybox ]] || ln -s busybox "$tree/bin/$applet"
done
printf '%s\n' root:x:0:0:root:/root:/bin/sh nobody:x:65534:65534:nobody:/:/bin/false >"$tree/etc/passwd"
printf '%s\n' root:x:0: nobody:x:65534: >"$tree/etc/group"
tar --create --owner 0 --group 0 --numeric-owner --directory "$tree" . |
  docker import --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/bin' - "$1" >/dev/null
