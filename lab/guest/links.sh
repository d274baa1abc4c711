#!/bin/bash
# Runs in the guest: conditions of links on a kernel that has netem, and a bridge that looks at tags.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec node .lab/build/lab/guest/links.js
