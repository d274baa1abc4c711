#!/bin/bash
# Runs in the guest, on a kernel that has netkit pairs, and with one processor: what is segmented there, and
# how it outlives its daemon. And VLANs of bridges, which not every kernel has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a 8021q veth bridge tun
# In one process, whose modules are read once; and not to a terminal, where the figures would be drawn anew
# all the time.
TEST_EFFORT=0.2 node node_modules/vitest/vitest.mjs run --project system --reporter default \
  --no-isolate --no-file-parallelism \
  test/netns/interface-pairs.test.ts test/netns/ebpf-segments-on-the-wire.test.ts \
  test/netns/take-over.test.ts test/netns/bridge-vlans.test.ts test/netns/bridge-attributes.test.ts \
  --testNamePattern "netkit pair|each segment|IP 115|VLANs of a bridge|each key of a bridge" | cat
