#!/bin/bash
# Measures Wirespan beside plain bridging, the kernel's tunnels and OpenVPN, on one topology in network
# namespaces of this machine. Prints tables, and writes them to .lab/bench with all single results and a plot,
# where no options name other files.
# usage: run.sh [OPTION...]          as root; needs iperf3. Options: run.sh --help
#        run.sh --docs [OPTION...]   measures candidates, every family and cookie, sessions, look-up, and in
#                                    the guest of lab/guest a kernel with L2TP of its own, and writes all of
#                                    it into docs/performance.md and .svg
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
files=.lab/bench
document=docs/performance.md

docs=false
if [ "${1:-}" = --docs ]; then
  docs=true
  shift
fi
bash lab/setup.sh "$($docs && echo test || echo run)"
command -v iperf3 >/dev/null ||
  { echo "run.sh: iperf3 is not installed; apt-get install iperf3" >&2; exit 1; }
mkdir -p "$files"

# What is measured, which names its files, and options.
bench() {
  local name=$1
  shift
  node .lab/build/lab/bench/main.js --json "$files/$name.json" --markdown "$files/$name.md" "$@"
}

if ! $docs; then
  case " $* " in
    *" --sessions"*) name=sessions ;;
    *" --tunnels"*) name=tunnels ;;
    *" --lookup"*) name=lookup ;;
    *" --scrapes"*) name=scrapes ;;
    *) name=candidates ;;
  esac
  bench "$name" --plot "$files/$name.svg" "$@"
  exit
fi

# One part that fails leaves its figures as they were, and the others go on.
status=0
bench candidates --document "$document" --plot docs/performance.svg "$@" || status=1
bench variants --document "$document" --part variants --only 'cookie [048]$' \
  --measures '^(tcp1|clean60)$' "$@" || status=1
# A flow that another congestion control holds back tells less of the path: this one is the kernel's usual.
bench cubic --document "$document" --part cubic --congestion cubic --measures '^tcp1$' "$@" || status=1
bench sessions --document "$document" --sessions 1,1000,10000 "$@" || status=1
bench tunnels --document "$document" --tunnels 100,1000 "$@" || status=1
bench lookup --document "$document" --lookup 1,10000,100000 "$@" || status=1
bench scrapes --document "$document" --scrapes 1000,10000 "$@" --seconds 30 || status=1
lab/guest/build.sh .lab/guest
LIMIT_S=${GUEST_LIMIT_S:-1800} lab/guest/run.sh .lab/guest lab/guest/bench-l2tp.sh | tee "$files/guest.log"
if grep -a '^{"machine"' "$files/guest.log" | tr -d '\r' >"$files/guest-results.json"; then
  bench guest --from "$files/guest-results.json" --document "$document" --part guest
else
  status=1
fi
exit "$status"
