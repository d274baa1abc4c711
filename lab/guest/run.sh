#!/bin/bash
# Boots the guest kernel, runs SCRIPT in it as root and prints its console; what the guest writes is lost. The
# processor is emulated, and the guest's clock counts its instructions while it is busy: two nanoseconds each.
# So how long things take there does not depend on the machine, nor on what else that does, and no limit
# within the guest is too short on a slow one.
# usage: run.sh DIRECTORY SCRIPT [qemu arguments]
#   e.g. -netdev tap,id=wan,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=wan
# environment:
#   GUEST_ENVIRONMENT  variables for SCRIPT, such as "BENCH_SECONDS=1 BENCH_REPETITIONS=1", no blanks in them
#   LIMIT_S (300)      seconds until the guest is ended
#   MEMORY_MB (1024)
#   PROCESSORS (1)     with more, the emulator may run an instruction that the kernel has just patched, and
#                      the kernel then dies of "Oops: int3"
# Exit status: that of qemu, or 124 when the time was over; that of SCRIPT is in the console's line "guest:
# exit status N".
set -euo pipefail

fail() { echo "run.sh: $*" >&2; exit 1; }

[ $# -ge 2 ] || fail "usage: run.sh DIRECTORY SCRIPT [qemu arguments]"
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
guest=$(cd "$1" && pwd)
script=$(readlink -f "$2")
shift 2
[ $# -gt 0 ] || set -- -nic none
command -v qemu-system-x86_64 >/dev/null ||
  fail "qemu-system-x86_64 is not installed; apt-get install qemu-system-x86"
[ -s "$guest/initrd.gz" ] || fail "$guest has no guest; make one with build.sh"
node=$(readlink -f "$(command -v node)") || fail "node is not in PATH"

words="wirespan.start=$source_folder/guest-start wirespan.modules=$guest/modules wirespan.script=$script"
words+=" wirespan.node=$(dirname "$node")"
[ "$(wc -w <<<"$words")" = 4 ] || fail "a path with a blank cannot be told to the guest: $words"
# Without erms and fsrm, the kernel copies by eights: the emulator does a string instruction octet by octet,
# and copying then hides all that a packet costs besides. A real processor copies 32 octets or more at a step.
# The kernel hands words with "=" and no dot, which it does not know, to its first program as environment.
exec timeout --kill-after=5 "${LIMIT_S:-300}" qemu-system-x86_64 \
  -accel tcg -icount shift=1 -cpu max,-erms,-fsrm \
  -m "${MEMORY_MB:-1024}" -smp "${PROCESSORS:-1}" -nographic -no-reboot \
  -kernel "$guest/vmlinuz" -initrd "$guest/initrd.gz" \
  -append "console=ttyS0 quiet loglevel=3 panic=-1 $words ${GUEST_ENVIRONMENT:-}" \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  "$@" -serial mon:stdio </dev/null
