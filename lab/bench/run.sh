#!/bin/bash
# Measures Wirespan beside plain bridging and kernel VXLAN on one topology in network namespaces of this machine.
# usage: run.sh [--repetitions N] [--seconds S] [--json FILE]        as root; needs iperf3
set -euo pipefail
bash "$(dirname "${BASH_SOURCE[0]}")/../setup.sh" run
command -v iperf3 >/dev/null || { echo "run.sh: iperf3 is not installed; apt-get install iperf3" >&2; exit 1; }
exec node "$(dirname "${BASH_SOURCE[0]}")/../../dist/cli/main.js" lab bench "$@"
