#!/bin/bash
# Runs in the guest: a lab on a kernel with VLAN interfaces of its own, where other kernels have a relay.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modprobe -a 8021q veth bridge tun
exec node dist/cli/main.js lab test vlan-trunk
