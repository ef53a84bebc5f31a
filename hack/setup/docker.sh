# shellcheck shell=bash
# Sourced by with.sh: a Docker Engine that answers.
: "${state:?set by with.sh}"

docker_socket=/var/run/docker.sock
# The group that COMMAND needs to reach the engine; empty if the user reaches it already.
# with.sh reads it.
export engine_group=

engine_answers() {
  timeout 15 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# need_docker makes sure of the docker client and an engine that answers. An engine that
# the user pointed us to is used or complained about, never replaced.
need_docker() {
  if ! has docker; then
    install_docker_client
  fi
  adopt_docker_context
  reach_engine
  filter_bridges
}

reach_engine() {
  if engine_answers; then return 0; fi
  [[ -z ${DOCKER_HOST:-} ]] || fail "The Docker Engine at DOCKER_HOST=$DOCKER_HOST does not answer." \
    "Start it, or unset DOCKER_HOST to use the one of this machine."
  if engine_is_for_its_group; then return 0; fi
  [[ ! -S $docker_socket || -w $docker_socket ]] || can_be_root ||
    fail "The Docker Engine does not let this user in." \
      "Ask for: usermod -aG docker $(id -un), then log in anew. Or run this as root or with sudo at hand."

  if ! has dockerd; then
    apt_install "the Docker Engine" docker.io ca-certificates
  fi
  start_docker
}

# install_docker_client: Debian 13 moved the client into a package of its own.
install_docker_client() {
  if [[ -S $docker_socket || -n ${DOCKER_HOST:-} ]] || has dockerd; then
    ! installable || apt_update
    if [[ -n $(apt-cache policy docker-cli 2>/dev/null) ]]; then
      apt_install "the docker client" docker-cli
      return
    fi
  fi
  apt_install "the Docker Engine" docker.io ca-certificates
  has docker || apt_install "the docker client" docker-cli
}

# adopt_docker_context hands the context that the docker client uses (a rootless or a
# remote engine, say) on to programs that know DOCKER_HOST only.
adopt_docker_context() {
  [[ -z ${DOCKER_HOST:-} ]] || return 0
  local host
  host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 0
  [[ -z $host || $host == unix://$docker_socket ]] || export DOCKER_HOST=$host
}

# engine_is_for_its_group says whether the local engine answers, but not to this user,
# and sets engine_group.
engine_is_for_its_group() {
  [[ -S $docker_socket && ! -w $docker_socket ]] || return 1
  has sudo && can_be_root && as_root timeout 15 docker version >/dev/null 2>&1 || return 1
  engine_group=$(stat -c %g "$docker_socket")
}

# start_docker starts the installed daemon by way of systemd, or else by itself, to go on
# in the background until hack/setup/clean.sh stops it.
start_docker() {
  can_be_root || fail "The Docker Engine does not run, and starting it needs root." \
    "Run this as root or with sudo at hand, or ask for: systemctl start docker"
  say "Starting the Docker Engine"
  if [[ -d /run/systemd/system ]]; then
    as_root systemctl start docker >&2 || fail "systemctl start docker failed." "See: journalctl -u docker"
    wait_for_engine 60 || fail "The Docker Engine was started but does not answer." "See: journalctl -u docker"
    return
  fi
  # Where the package brought an init script, installing it may just have started one.
  if pidof dockerd >/dev/null 2>&1 && wait_for_engine 30; then return 0; fi

  local log=$state/dockerd.log
  # It belongs to the calling user's group, so that the user reaches it. Nothing of it
  # stays tied to our terminal or to a pipe somebody waits at the end of.
  as_root setsid dockerd --pidfile "$state/dockerd.pid" --group "$(id -gn)" >"$log" 2>&1 </dev/null &
  wait_for_engine 60 $! && return
  tail -n 20 "$log" >&2
  fail "The Docker Engine could not be started; the end of $log stands above." \
    "It needs the rights of a real root, cgroups and iptables. Or point DOCKER_HOST to an engine elsewhere."
}

# filter_bridges makes the host's kernel pass bridged packets to iptables, without which
# an engine older than 28 can't keep the containers of two leases apart; newer ones see
# to it themselves. If it fails, the server refuses such containers and says why.
filter_bridges() {
  [[ -z ${DOCKER_HOST:-} ]] && can_be_root || return 0
  local version
  version=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || return 0
  ((${version%%.*} < 28)) || return 0
  [[ $(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null) != 1 ]] || return 0
  say "Loading br_netfilter, so that leases can be isolated from each other"
  as_root modprobe br_netfilter || true
  as_root sysctl -qw net.bridge.bridge-nf-call-iptables=1 || true
}

# wait_for_engine SECONDS [PID] waits until the engine answers to this user. It fails when
# the time is over or the process has ended.
wait_for_engine() {
  local deadline=$((SECONDS + $1)) process=${2:-self}
  until engine_answers || engine_is_for_its_group; do
    ((SECONDS < deadline)) && [[ -e /proc/$process ]] || return 1
    sleep 0.5
  done
}
