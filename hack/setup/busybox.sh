# shellcheck shell=bash
# Sourced by with.sh: a static busybox, of which images are made without a registry.
: "${state:?set by with.sh}"

is_static() {
  [[ -x $1 ]] && ! ldd "$1" >/dev/null 2>&1
}

# need_busybox puts a static busybox on the PATH. The package is unpacked into our own
# directory and not installed: busybox-static would replace the busybox that the
# machine's initramfs may be made of.
need_busybox() {
  local found
  found=$(command -v busybox || true)
  if is_static "$found"; then return 0; fi
  export PATH=$state/bin:$PATH
  if is_static "$state/bin/busybox"; then return 0; fi

  if ! has apt-get || ! has dpkg-deb; then
    fail "A static busybox is missing." \
      "Put one on the PATH (on Debian and Ubuntu: the package busybox-static)."
  fi
  if [[ -z $(apt-cache policy busybox-static 2>/dev/null) ]]; then
    can_be_root || fail "A static busybox is missing, and so are the package lists; refreshing them needs root." \
      "Ask for: apt-get install busybox-static"
    apt_update
  fi
  say "Unpacking busybox-static into $state"
  unpack_busybox >"$state/apt.log" 2>&1 || {
    tail -n 5 "$state/apt.log" >&2
    fail "busybox-static could not be downloaded." "Try: apt-get install busybox-static"
  }
  is_static "$state/bin/busybox" || fail "The package busybox-static holds no static busybox." \
    "Put one on the PATH."
}

unpack_busybox() {
  local scratch
  scratch=$(mktemp -d "$state/busybox.XXXXXX") &&
    (cd "$scratch" && apt-get download busybox-static) &&
    dpkg-deb --extract "$scratch"/busybox-static_*.deb "$scratch/root" &&
    install -D -m 0755 "$(find "$scratch/root" -name busybox -type f -perm /111)" "$state/bin/busybox" &&
    rm -rf "$scratch"
}
