#!/bin/bash
# Runs in the guest, on a kernel without links at traffic control: a lab whose frames programs carry, attached as filters.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a 8021q veth bridge tun sch_ingress cls_bpf
exec node dist/cli/main.js lab test point-to-point --plane ebpf
