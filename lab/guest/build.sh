#!/bin/bash
# Fetches a Debian kernel that has L2TP and 802.1Q as modules, and packs an initramfs that starts it on this
# machine's own files (read-only over 9p, with a RAM overlay for writes). About 110 MB of download, up to a
# minute; what is already in DIRECTORY is not fetched again, only the initramfs is packed anew. Needs: apt-get
# update done once; packages qemu-system-x86 busybox-static cpio kmod xz-utils.
# usage: build.sh [DIRECTORY [SERIES]]
#   DIRECTORY  default .lab/guest in the repository; gets vmlinuz, modules/, release, initrd.gz
#   SERIES     such as 6.1: the newest kernel of that series that apt has; default the newest of all. Give
#              each series a directory of its own.
# Where apt has none of that series, or none with netkit (6.7) by default, it is Debian 12's, whose archives
# have 6.1 and 6.12: they are asked by lists of this script's own, so that the machine's apt stays as it is.
set -euo pipefail

source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
guest=${1:-$source_folder/../../.lab/guest}
series=${2:-}
mkdir -p "$guest"
guest=$(cd "$guest" && pwd)
exec 9>"$guest/lock"
flock 9 # one at a time: tests may ask for the same guest at once
work=$(mktemp -d "$guest/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() { echo "build.sh: $*" >&2; exit 1; }

for tool in apt-get apt-cache dpkg-deb depmod modprobe xz cpio gzip; do
  command -v "$tool" >/dev/null ||
    fail "$tool is not installed; apt-get install busybox-static cpio kmod xz-utils"
done
[ -x /bin/busybox ] || fail "/bin/busybox is not installed; apt-get install busybox-static"

# The first with netkit.
LEAST=6.7
# What apt is told; after ask_debian_12, to go by lists of Debian 12's archives.
apt=(-o APT::Sandbox::User=root)

ask_debian_12() {
  local keys=/usr/share/keyrings/debian-archive-keyring.gpg suite
  [ -s "$keys" ] || fail "apt has no kernel ${series:-$LEAST or newer}, and none can be fetched" \
    "without $keys; apt-get install debian-archive-keyring"
  mkdir -p "$work"/apt/{lists,cache}/partial
  for suite in "debian bookworm" "debian-security bookworm-security"; do
    echo "deb [signed-by=$keys] http://deb.debian.org/$suite main"
  done >"$work/apt/sources"
  apt+=(-o Dir::Etc::SourceList="$work/apt/sources" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache")
  apt-get "${apt[@]}" -qq update || fail "apt-get update did not succeed for the archives of Debian 12"
}

# The newest signed kernel for this architecture, backports before the release's own; "cloud" and "rt"
# flavours lack modules.
newest_kernel_package() {
  local names='^linux-image-[0-9]+\.[0-9]+\.[0-9]+(-[0-9]+)?(\+deb[0-9]+)?-amd64$'
  apt-cache "${apt[@]}" search --names-only "$names" |
    awk -v start="linux-image-${series:+$series.}" 'index($1, start) == 1 { print $1 }' | sort -V | tail -1
}

# Whether a package is of the series that was asked for; where none was, whether it is new enough to be the
# newest of all.
suffices() {
  if [ -n "$series" ]; then
    [[ $1 == "linux-image-$series."?* ]]
  else
    [ "$(printf '%s\n' "linux-image-$LEAST" "$1" | sort -V | head -1)" = "linux-image-$LEAST" ]
  fi
}

unpack_kernel() {
  local package=$1 release=${1#linux-image-} modules=$work/kernel/lib/modules
  (cd "$work" && apt-get "${apt[@]}" download "$package" >/dev/null) ||
    fail "apt-get download $package did not succeed; run apt-get update"
  dpkg-deb -x "$work"/*.deb "$work/kernel"
  [ -d "$modules" ] || modules=$work/kernel/usr/lib/modules
  rm -rf "$guest/modules"
  mkdir -p "$guest/modules/lib"
  mv "$modules" "$guest/modules/lib/"
  mv "$work/kernel/boot/vmlinuz-$release" "$guest/vmlinuz"
  depmod -b "$guest/modules" "$release"
  echo "$release" >"$guest/release"
}

# Modules that the initramfs itself needs, each after those it depends on, unpacked so that busybox can insert
# them.
pack_modules() {
  local release=$1 folder=$2 module file name
  : >"$folder/modules.order"
  for module in virtio_pci virtio_net 9pnet_virtio 9p overlay; do
    modprobe -d "$guest/modules" -S "$release" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' | while read -r file; do
    name=$(basename "$file"); name=${name%.xz}; name=${name%.zst}
    case $file in
      *.xz) xz -dc "$file" >"$folder/modules/$name" ;;
      *.zst)
        zstd -qdc "$file" >"$folder/modules/$name" ||
          fail "zstd did not unpack $file; apt-get install zstd"
        ;;
      *) cp "$file" "$folder/modules/$name" ;;
    esac
    echo "$name" >>"$folder/modules.order"
  done
}

has_kernel() { [ -s "$guest/vmlinuz" ] && suffices "linux-image-$(cat "$guest/release" 2>/dev/null)"; }

if ! has_kernel; then
  package=$(newest_kernel_package)
  if ! suffices "$package"; then
    ask_debian_12
    package=$(newest_kernel_package)
  fi
  suffices "$package" ||
    fail "neither apt nor the archives of Debian 12 have a kernel ${series:-$LEAST or newer}"
  unpack_kernel "$package"
fi
release=$(cat "$guest/release")

initrd=$work/initrd
mkdir -p "$initrd"/{bin,modules,proc,sys,dev,lower,upper,root}
cp /bin/busybox "$initrd/bin/busybox"
install -m 755 "$source_folder/initramfs-init" "$initrd/init"
pack_modules "$release" "$initrd"
(cd "$initrd" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"
mv "$work/initrd.gz" "$guest/initrd.gz"
echo "kernel $release is ready in $guest"
