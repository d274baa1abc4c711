#!/bin/bash
# Runs in the guest, on a kernel that has netkit pairs, and with one processor: what is cut there, and how it outlives its daemon.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a 8021q veth bridge tun
exec node node_modules/vitest/vitest.mjs run --project system --reporter default \
  test/netns/virtual-pairs.test.ts test/netns/super-frames-on-the-wire.test.ts test/netns/take-over.test.ts \
  --testNamePattern "netkit pair|each segment|IP 115"
