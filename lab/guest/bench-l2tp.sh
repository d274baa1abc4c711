#!/bin/bash
# Runs in the guest: the benchmark on a kernel that has L2TP of its own, to compare with. Prints tables, and
# all results as one line of JSON. The processor is emulated, so only ratios mean anything.
# environment (GUEST_ENVIRONMENT of run.sh): BENCH_SECONDS (1) of each measurement, BENCH_REPETITIONS (5),
#   BENCH_ONLY: candidates beside plain bridge and VXLAN
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a l2tp_eth l2tp_ip veth bridge tun vxlan
results=$(mktemp)
status=0
node .lab/build/lab/bench/main.js --measures '^(tcp1|flood60)$' --json "$results" \
  --seconds "${BENCH_SECONDS:-1}" --repetitions "${BENCH_REPETITIONS:-5}" \
  --only "${BENCH_ONLY:-kernel L2TP|eBPF, .*, IPv4, cookie 8$}" || status=$?
node -p 'JSON.stringify(JSON.parse(fs.readFileSync(process.argv[1], "utf8")))' "$results"
exit "$status"
