#!/bin/bash
# Runs in the guest: has its kernel look at every program of the eBPF plane.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec node .lab/build/lab/guest/verify-programs.js
