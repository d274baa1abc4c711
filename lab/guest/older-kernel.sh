#!/bin/bash
# Runs in the guest, on a kernel that has no links at traffic control, and cannot be told what comes out of a
# tunnel: how programs are attached there, its verifier and the reference on the programs, and a lab whose
# frames they carry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a 8021q veth bridge tun sch_ingress cls_bpf
TEST_EFFORT=quick node node_modules/vitest/vitest.mjs run --project system --reporter default \
  test/netns/traffic-control.test.ts test/netns/ebpf-programs.test.ts \
  --testNamePattern "filters|by clsact|whatever the kernel has|combination of options" | cat
exec node dist/cli/main.js lab test point-to-point --plane ebpf --verbose
