#!/usr/bin/env bash
# Prints what docs/benchmarks.md shows: one page of Markdown, with the machine and the date. `make bench` builds what it runs.
#
# Usage: scripts/bench.sh [ROUNDS [SECONDS]]
#   ROUNDS   of every measurement, of which the medians are printed (default 5)
#   SECONDS  of each run in the lab (default 2)
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
seconds=${2:-2}

model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
memory=$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
system=$(. /etc/os-release && echo "$PRETTY_NAME")
echo "Machine: $(nproc) processors (${model:-of an unknown model}), $memory GiB, kernel $(uname -r), $system. Date: $(date -u +%F). Load at the beginning: $(cut -d ' ' -f 1 /proc/loadavg)."
echo
target/release/dnlb-bench --rounds "$rounds"
target/release/dnlb-bench control-plane
target/release/dnlb lab bench --rounds "$rounds" --seconds "$seconds"
