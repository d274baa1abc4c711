#!/bin/bash
# Runs in the guest, on a kernel that cannot be told what comes out of a tunnel: its verifier and the reference judge the programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe veth
exec node node_modules/vitest/vitest.mjs run --project system --reporter default \
  test/netns/ebpf-programs.test.ts test/netns/ebpf-circuit-mtu.test.ts
