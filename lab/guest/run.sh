#!/bin/bash
# Boots the guest kernel, runs SCRIPT in it as root and prints its console; what the guest writes is lost.
# The processor is emulated, so speeds measured in the guest mean little.
# usage: run.sh DIRECTORY SCRIPT [qemu arguments]
#   e.g. -netdev tap,id=wan,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=wan
# environment: LIMIT_S (300) seconds until the guest is ended, MEMORY_MB (1024), PROCESSORS (2)
set -euo pipefail

source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
guest=$(cd "$1" && pwd)
script=$(readlink -f "$2")
shift 2
[ $# -gt 0 ] || set -- -nic none

append="console=ttyS0 quiet loglevel=3 panic=-1 wirespan.start=$source_folder/guest-start"
append+=" wirespan.modules=$guest/modules wirespan.script=$script"
exec timeout --kill-after=5 "${LIMIT_S:-300}" qemu-system-x86_64 \
  -accel tcg -cpu max -m "${MEMORY_MB:-1024}" -smp "${PROCESSORS:-2}" -nographic -no-reboot \
  -kernel "$guest/vmlinuz" -initrd "$guest/initrd.gz" -append "$append" \
  -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
  "$@" -serial mon:stdio </dev/null
