# shellcheck shell=bash
# Sourced by the scripts of this directory: messages, root's rights, and packages.
: "${state:?the directory set-up keeps its own things in}"

say() { printf '==> %s\n' "$*" >&2; }

# fail prints a message, one argument a line, and ends the script.
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '       %s\n' "$@" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# can_be_root says whether as_root has a chance: root itself, or sudo that needs no
# password or can ask for one.
can_be_root() {
  ((EUID == 0)) && return 0
  has sudo || return 1
  sudo -n true 2>/dev/null || [[ -t 0 ]]
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -- "$@"; fi
}

# apt_update refreshes the package lists, once a run.
apt_updated=
apt_update() {
  [[ -z $apt_updated ]] || return 0
  say "Refreshing the package lists"
  as_root apt-get update -qq -o DPkg::Lock::Timeout=300 >&2 ||
    fail "apt-get update failed: check the network and /etc/apt/sources.list"
  apt_updated=yes
}

# installable says whether packages can be installed here.
installable() { has apt-get && can_be_root; }

# apt_install WHAT PACKAGE... installs packages; WHAT names what is missing, for people.
apt_install() {
  local what=$1
  shift
  has apt-get || fail "$what is missing, and this machine has no apt-get to install it with." \
    "Install it (on Debian and Ubuntu the packages: $*) and try again."
  can_be_root || fail "$what is missing, and installing it needs root." \
    "Run this as root or with sudo at hand, or ask for: apt-get install $*"
  apt_update
  say "Installing $what ($*)"
  # A fresh machine may be upgrading itself: wait for its lock rather than fail.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" >"$state/apt.log" 2>&1 </dev/null || {
    tail -n 20 "$state/apt.log" >&2
    fail "$what could not be installed; the end of $state/apt.log stands above." \
      "Try: apt-get install $*"
  }
}

# need_program PROGRAM PACKAGE installs PACKAGE unless PROGRAM is there.
need_program() {
  has "$1" || apt_install "$1" "$2"
}

# need_compiler installs a C compiler and the C library's headers, unless Go finds one.
need_compiler() {
  has go || fail "Go is missing." "Install it from https://go.dev/dl; go.mod names the version."
  local compiler
  compiler=$(go env CC)
  has "${compiler%% *}" && [[ -e /usr/include/stdlib.h ]] && return 0
  apt_install "a C compiler" gcc libc6-dev
}
