#!/bin/bash
# What a capture costs: TCP of one flow between two sites, without one, with one, and with one whose filter
# lets nothing in, in turns; as root, after npm run build. Writes medians in Gbit/s.
# usage: captures.sh [rounds] [seconds]
set -euo pipefail
rounds=${1:-5} seconds=${2:-2}
main=$(cd "$(dirname "$0")/../.." && pwd)/dist/cli/main.js
folder=$(mktemp -d)
name=wsbc$$
pids=()
clean() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  sleep 1
  for site in a b ha hb; do ip netns delete "$name$site" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap clean EXIT
inside() { nsenter "--net=/run/netns/$name$1" "${@:2}"; }
for site in a b ha hb; do ip netns add "$name$site"; done
pair() { ip -n "$name$1" link add "$2" mtu "$5" type veth peer name "$4" mtu "$5" netns "$name$3"
  ip -n "$name$1" link set "$2" up; ip -n "$name$3" link set "$4" up; }
pair a wan b wan 1600; pair a eth1 ha eth0 1500; pair b eth1 hb eth0 1500
ip -n "${name}a" address add 192.0.2.1/24 dev wan; ip -n "${name}b" address add 192.0.2.2/24 dev wan
ip -n "${name}ha" address add 10.0.0.1/24 dev eth0; ip -n "${name}hb" address add 10.0.0.2/24 dev eth0
# Not by the function: its process would be the shell's, and not that of the program.
nsenter "--net=/run/netns/${name}hb" iperf3 -s >/dev/null 2>&1 & pids+=($!)

daemon() { # site local remote plane
  cat >"$folder/$1.yaml" <<YAML
lcce: { host_name: $1, control_socket: $folder/$1.sock }
plane: $4
tunnels: { peer: { local: $2, remote: $3, pseudowires: { lan: { circuit: { interface: eth1 } } } } }
YAML
  nsenter "--net=/run/netns/$name$1" node "$main" run -c "$folder/$1.yaml" >/dev/null 2>&1 & pids+=($!)
}
rate() { # how, then words of the capture
  local how=$1 pid=
  if [ "$how" != none ]; then
    node "$main" capture lan --socket "$folder/a.sock" -w /dev/null "${@:2}" 2>"$folder/said" &
    pid=$!
    sleep 1
  fi
  inside ha iperf3 -c 10.0.0.2 -t "$seconds" -J >"$folder/result"
  node -p 'JSON.parse(fs.readFileSync(process.argv[1])).end.sum_received.bits_per_second / 1e9' \
    "$folder/result" >>"$folder/$plane.$how"
  if [ -n "$pid" ]; then
    kill -INT "$pid"
    wait "$pid" || true
    sed "s/^/$plane $how: /" "$folder/said" >&2
  fi
}
for plane in userspace ebpf; do
  first=${#pids[@]}
  daemon a 192.0.2.1 192.0.2.2 $plane; daemon b 192.0.2.2 192.0.2.1 $plane
  until inside ha ping -q -c 1 -W 1 10.0.0.2 >/dev/null 2>&1; do sleep 0.5; done
  for ((round = 0; round < rounds; round += 1)); do
    rate none; rate whole; rate short -s 128; rate nothing ether dst 02:ff:ff:ff:ff:ff
  done
  for pid in "${pids[@]:first}"; do kill "$pid"; wait "$pid" 2>/dev/null || true; done
  pids=("${pids[@]:0:first}")
  for how in none whole short nothing; do
    sort -g "$folder/$plane.$how" | awk -v of="$plane $how" '
      { values[NR] = $1 }
      END { printf "%s %.2f (%.2f to %.2f)\n", of, values[int((NR + 1) / 2)], values[1], values[NR] }'
  done
done
