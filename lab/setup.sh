#!/bin/bash
# Makes a fresh clone ready: installs what is missing by apt and npm, and builds. Says what it does; does
# nothing twice.
# usage: setup.sh run|test       "test" adds what only the tests need: dissectors, a kernel to talk to
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

node -e '
  const [a, b] = process.versions.node.split(".").map(Number);
  process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1);
' ||
  fail "Node $(node --version) is too old: 20.19 or newer is needed"

# raw-socket and pcap are compiled on this machine: make, g++, python3, libpcap-dev. The rest is for the lab.
packages=(make g++ python3 libpcap-dev iproute2 iputils-ping util-linux)
if [ "${1:-run}" = test ]; then
  packages+=(tshark tcpdump ethtool nftables qemu-system-x86 busybox-static cpio kmod xz-utils systemd)
  # For the packages that are made, and a Debian that they are installed in.
  packages+=(binutils debootstrap dpkg lintian man-db)
  # A terminal for what takes all of one.
  packages+=(tmux)
  # Programs that local networks rely on: a test runs them in namespaces of its own.
  packages+=(dnsmasq-base frr keepalived avahi-daemon linuxptp lldpd iperf3 openssl)
  # promtool checks metrics and alert rules; curl reads them.
  packages+=(prometheus curl)
  # Chromium opens the web page.
  packages+=(chromium)
fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null ||
    fail "install these by your system's package manager, under its names: ${missing[*]}"
  root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "run as root, or first: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  say "installing by apt: ${missing[*]}"
  "${root[@]}" apt-get update -qq
  # None of their services is wanted on this machine: not started now, and not when it starts again.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
    trap '"${root[@]}" rm -f "$policy"' EXIT
  fi
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  if command -v systemctl >/dev/null; then
    for service in frr keepalived avahi-daemon lldpd prometheus; do
      [[ " ${missing[*]} " != *" $service "* ]] ||
        "${root[@]}" systemctl disable --quiet "$service" 2>/dev/null || true
    done
  fi
fi

stamp=node_modules/.wirespan-installed
wanted="$(node --version) $(sha256sum <package-lock.json)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say "installing packages by npm"
  npm ci --include=dev --no-audit --no-fund --loglevel=error
  echo "$wanted" >"$stamp"
fi

say "building"
npm run --silent build
say "ready"
