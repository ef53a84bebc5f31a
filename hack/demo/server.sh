# shellcheck shell=bash
# Sourced by the demo's scripts: its server, and where everything of it is.
: "${root:?the top of the checkout}"

demo=$root/.run/demo
data=$demo/data
log=$demo/server.log
pidfile=$demo/server.pid
export KUBECONFIG=$data/kubeconfig
leasectl=$root/bin/leasectl

# server_pid prints the pid of the demo's server if it runs. The number alone proves
# nothing: it may be somebody else's by now.
server_pid() {
  local pid
  pid=$(cat "$pidfile" 2>/dev/null) || return 1
  [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == "$root/bin/containerlease"* ]] || return 1
  echo "$pid"
}

# wait_until SECONDS COMMAND... repeats COMMAND until it succeeds, and fails at the deadline.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

server_is_gone() { ! server_pid; }

# stop_server ends the demo's server. Leases that still run go on without it.
stop_server() {
  local pid
  pid=$(server_pid) || return 0
  kill "$pid"
  wait_until 60 server_is_gone
  rm -f "$pidfile"
}

# free_port PORT prints the first port from PORT on that nobody listens on.
free_port() {
  local port=$1
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    port=$((port + 1))
  done
  echo "$port"
}

server_answers() {
  server_pid && "$leasectl" get --raw /readyz --request-timeout 5s
}

# start_server starts the demo's server in the background, where it stays when the
# script has ended, and waits until it is ready. Sets api_address and gateway_address.
start_server() {
  api_address=127.0.0.1:$(free_port 8443)
  gateway_address=127.0.0.1:$(free_port 8080)
  mkdir -p "$demo"
  # A kubeconfig of an earlier run may name other ports.
  rm -f "$KUBECONFIG"
  setsid "$root/bin/containerlease" serve --data-dir "$data" \
    --api-address "$api_address" --address "$gateway_address" >"$log" 2>&1 </dev/null &
  echo $! >"$pidfile"
  disown
  wait_until 60 server_answers
}
