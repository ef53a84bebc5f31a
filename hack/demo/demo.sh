#!/usr/bin/env bash
# The demo: one short lease from its manifest to its bill, on a server that stays. Every
# step is checked; if one doesn't happen in its time, the demo says so and fails.
# Run it by `make demo`, which sets up what it needs.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
# shellcheck source=hack/demo/server.sh
source hack/demo/server.sh

if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
die() {
  printf '\nThe demo failed: %s\n' "$*" >&2
  exit 1
}

# On failure the last words of the server are shown, and lease and server are ended; on
# success the server stays.
finish() {
  local code=$?
  ((code == 0)) && return
  if [[ -s $log ]]; then
    printf '\nThe end of %s:\n' "$log" >&2
    tail -n 15 "$log" >&2
  fi
  ! server_pid >/dev/null || "$leasectl" delete containerlease demo --ignore-not-found --timeout 30s || true
  stop_server || true
}
trap finish EXIT
trap 'exit 130' INT TERM

lease() { "$leasectl" get containerlease demo -o "jsonpath={$1}"; }
# seconds TIMESTAMP prints a time as seconds since the epoch, with its fraction.
seconds() { date -d "$1" +%s.%N; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f", a - b}'; }

step "1. Build"
make --no-print-directory build
image=$(hack/demo/image.sh)

step "2. Start the server"
stop_server
start_server || die "the server was not ready within a minute"
echo "Ready: API https://$api_address, gateway http://$gateway_address"

step "3. Apply a class and a lease of 20 seconds"
"$leasectl" delete containerlease demo --ignore-not-found --timeout 60s >/dev/null
sed "s|DEMO_IMAGE|$image|" hack/demo/class.yaml >"$demo/class.yaml"
"$leasectl" apply -f "$demo/class.yaml" -f hack/demo/lease.yaml
"$leasectl" wait containerlease/demo --for condition=Ready --timeout 120s >/dev/null ||
  die "the lease was not ready within two minutes: $("$leasectl" describe containerlease demo)"
"$leasectl" get containerlease demo -o wide
uid=$(lease .metadata.uid)
expiration=$(lease .status.expirationTime)

step "4. Its log, and the time it has left"
lines=$demo/lease.log
"$leasectl" logs -f demo 2>&1 | tee "$lines" | sed -u "s/^/  ${dim}log |${plain} /" &
follower=$!
while left=$(minus "$(seconds "$expiration")" "$(date +%s.%N)") && [[ $left != -* ]]; do
  printf '  %s%2.0f s left%s\n' "$bold" "$left" "$plain"
  sleep "$(awk -v left="$left" 'BEGIN {print (left > 4 ? 4 : left + 0.01)}')"
done

log_has_ended() { ! kill -0 "$follower"; }
wait_until 15 log_has_ended || die "the log goes on after the lease's time"

step "5. Time is up"
"$leasectl" wait containerlease/demo --for condition=Finished --timeout 30s >/dev/null ||
  die "the lease did not end by itself"
"$leasectl" wait containerlease/demo --for condition=Billed --timeout 60s >/dev/null ||
  die "the lease was not billed"
reason=$(lease .status.finishReason)
[[ $reason == Expired ]] || die "the lease ended as $reason instead of Expired"
late=$(minus "$(seconds "$(lease .status.finishTime)")" "$(seconds "$expiration")")
echo "The container ended $late s after its expiration (its grace period is 2 s)."
awk -v late="$late" 'BEGIN {exit !(late >= 0 && late <= 3)}' || die "that is not when it should have ended"
container_is_gone() { [[ -z $(docker ps --all --quiet --filter "label=containerlease.dev/uid=$uid") ]]; }
wait_until 30 container_is_gone || die "its container is still there: docker ps --all"
echo "The container is gone: docker ps --all knows none with the lease's label."
(($(grep -c '^working, line' "$lines") >= 5)) || die "the log is incomplete: $(cat "$lines")"

step "6. The bill"
"$leasectl" bill demo
final=$(lease .status.cost.final)
recorded=$("$leasectl" get billingrecord "$uid" -o 'jsonpath={.spec.amount}')
[[ -n $final && $final == "$recorded" ]] || die "the lease says $final, its record $recorded"

pid=$(server_pid) || die "the server is gone"
link=$(bin/containerlease token link --data-dir "$data" 2>/dev/null) || die "no sign-in link could be made"
step "The server goes on running (pid $pid), to be tried:"
cat <<END
  dashboard   $link
  API         https://$api_address  (kubeconfig ${KUBECONFIG#"$root"/})
  gateway     http://$gateway_address/healthz, /readyz and /metrics
  log         ${log#"$root"/}

  export KUBECONFIG=$KUBECONFIG
  bin/leasectl run demo --class demo --ttl 5m --name mine -- sh -c 'while sleep 1; do date; done'
  bin/leasectl get leases --watch
  bin/leasectl logs -f mine
  bin/leasectl extend mine --by 2m
  bin/leasectl delete containerlease mine
  bin/leasectl bill

  make demo-stop     ends its leases and stops it
END
