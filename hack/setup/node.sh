# shellcheck shell=bash
# Sourced by with.sh, after packages.sh: Node and Chromium, which the dashboard is built and
# tested with.

# What web/ui/package.json asks for.
node_wanted=20.19

# new_enough VERSION says whether a version of Node will do.
new_enough() {
  printf '%s\n%s\n' "$node_wanted" "${1#v}" | sort --version-sort --check=quiet
}

# need_node installs Node and npm, unless a Node that will do is there. Distributions have had
# older ones for years: those are not installed in vain.
need_node() {
  if has node && has npm && new_enough "$(node --version)"; then return 0; fi
  local found=none candidate=
  if has node; then found=$(node --version); fi
  if installable; then
    apt_update
    candidate=$(apt-cache policy nodejs | sed -n 's/^ *Candidate: *\([0-9.]*\).*/\1/p')
  fi
  if [[ $found == none && -n $candidate ]] && new_enough "$candidate"; then
    apt_install "Node" nodejs npm
    return 0
  fi
  fail "The dashboard needs Node $node_wanted or later and npm; found: $found." \
    "Install it from https://nodejs.org/en/download and try again."
}

# need_chromium installs a Chromium, unless a browser of its kind is there: one that CHROMIUM
# names, or where web/ui/e2e/browser.ts looks. Ubuntu's package of the name is a snap, which
# doesn't run everywhere.
need_chromium() {
  local program
  for program in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome; do
    if has "$program"; then return 0; fi
  done
  if [[ -e /etc/os-release ]] && grep -q '^ID=ubuntu$' /etc/os-release; then
    fail "A Chromium is missing, and Ubuntu has none but as a snap." \
      "Install Google Chrome (https://www.google.com/chrome), or name a Chromium by CHROMIUM=/path/to/it."
  fi
  apt_install "Chromium" chromium
}
