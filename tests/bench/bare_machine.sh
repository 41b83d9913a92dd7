#!/bin/bash
# bare_machine.sh: seconds from a bare Debian machine to a verified practice workshop, by `make provision`.
# Run it as root in a fresh clone on a machine where nothing was set up (a new virtual machine, or one whose engine was
# removed as docs/machine-changes.md says): git, make and python3 are there, no Docker engine, no .venv, no images.
# With WORKSHOP_BENCH_RESULTS=FILE the figure is appended there as the other benches append theirs.
set -euo pipefail
cd "$(dirname "$0")/../.."

refuse() { echo "bare_machine.sh: not a bare machine: $*" >&2; exit 1; }
if [ -e .venv ]; then refuse ".venv is here (rm -rf .venv)"; fi
if [ -e .workshop ]; then refuse ".workshop is here (workshop teardown, then rm -rf .workshop)"; fi
if command -v dockerd >/dev/null; then refuse "dockerd is installed"; fi
if [ -d /var/lib/docker ]; then refuse "/var/lib/docker is here, perhaps with images"; fi

begun=$(date +%s.%N)
make provision
seconds=$(awk -v begun="$begun" -v now="$(date +%s.%N)" 'BEGIN { printf "%.1f", now - begun }')
.venv/bin/workshop verify workshop.yaml >/dev/null

echo "from a bare machine to a verified practice workshop: $seconds s (floor 300, aim 150)"
if [ -n "${WORKSHOP_BENCH_RESULTS:-}" ]; then
  printf '{"what":"from a bare Debian machine to a verified practice workshop","unit":"s","samples":[%s],"floor":300,"aim":150,"more_is_better":false,"beside":"","median":%s,"low":%s,"high":%s,"verdict":"not judged: 1 run","at":"%s","machine":"%s cores, %s"}\n' \
    "$seconds" "$seconds" "$seconds" "$seconds" "$(date -u +%FT%TZ)" "$(nproc)" "$(. /etc/os-release && echo "$PRETTY_NAME")" \
    >>"$WORKSHOP_BENCH_RESULTS"
fi
