#!/bin/bash
# lock.sh: writes every lock file anew, with uv (https://docs.astral.sh/uv). PIP_FIND_LINKS must hold torch's CPU wheel.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { # OUTPUT ARGUMENTS...
  local output=$1
  shift
  uv pip compile --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links "$@" --output-file "$output"
}

program=(--universal --python-version 3.11 pyproject.toml bootstrap/build.in)
compile bootstrap/requirements.lock "${program[@]}"
compile bootstrap/requirements-test.lock "${program[@]}" --group pyproject.toml:test -c bootstrap/requirements.lock

image=(--python-version 3.11 --python-platform x86_64-manylinux_2_36)
for name in webui vllm; do
  folder=compose/images/$name
  raised=()
  if [ -f "$folder/raise.txt" ]; then raised=(--overrides "$folder/raise.txt"); fi
  compile "$folder/requirements.lock" "${image[@]}" --overrides "$folder/drop.txt" "${raised[@]}" --no-emit-package torch \
    ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} "$folder/requirements.in"
done

# The oldest Open WebUI that is spoken to, for tests.
folder=tests/stack/webui/oldest
compile "$folder/requirements.lock" "${image[@]}" --overrides compose/images/webui/drop.txt --overrides "$folder/drop.txt" \
  --no-emit-package torch ${PIP_FIND_LINKS:+--find-links "$PIP_FIND_LINKS"} "$folder/requirements.in"
