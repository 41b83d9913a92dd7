#!/bin/bash
# second_go.sh SUITE ARGUMENTS...: pytest over real machines, where a busy processor or a lost packet can fail a test
# once: up to $MOST modules with such tests run again, whole, for the tests of a class follow on. What fails twice fails
# the run; what passed at the second go is printed, kept for tests/suites/run.py, and wants a look. `make test` has none.
set -uo pipefail
MOST=3
suite=$1 cache=.pytest_cache/$1 needed=.pytest_cache/second_goes/$1
shift
mkdir -p "$(dirname "$needed")"
: >"$needed"
rm -f "$cache/v/cache/lastfailed" # of an earlier run, perhaps of other tests

.venv/bin/pytest -o "cache_dir=$cache" --junitxml="${JUNIT:-$cache/junit.xml}" "$@"
code=$?
[ "$code" = 1 ] || exit "$code"

mapfile -t failed < <(.venv/bin/python -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' \
  "$cache/v/cache/lastfailed")
mapfile -t modules < <(printf '%s\n' "${failed[@]%%::*}" | sort -u)
if [ ${#modules[@]} -gt "$MOST" ]; then
  echo "second go: none, ${#failed[@]} tests of ${#modules[@]} modules failed"
  exit 1
fi
echo "second go: ${#failed[@]} tests of $suite, with all of ${modules[*]}"
options=()
for word; do [ -e "${word%%::*}" ] || options+=("$word"); done # all but the paths
.venv/bin/pytest -o "cache_dir=$cache" "${modules[@]}" "${options[@]}" || exit
printf 'second go: passed now, and failed before: %s\n' "${failed[@]}"
printf '%s\n' "${failed[@]}" >"$needed"
