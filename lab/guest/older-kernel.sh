#!/bin/bash
# Runs in the guest, on a kernel without links at traffic control: the tests of how programs are attached there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a veth sch_ingress cls_bpf
exec node node_modules/vitest/vitest.mjs run --project system --reporter default \
  test/netns/traffic-control.test.ts --testNamePattern "filters|by clsact|whatever the kernel has"
