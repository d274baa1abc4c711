#!/bin/bash
# Runs in the guest: Wirespan, as built in dist/, against the kernel's own l2tp; one line of JSON a check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a l2tp_eth l2tp_ip l2tp_ip6 8021q veth tun
exec node .lab/build/lab/guest/kernel-peer.js
