#!/bin/bash
# second_go.sh SUITE ARGUMENTS...: pytest over real machines, where a busy processor or a lost packet can fail a test
# once: up to $MOST tests that failed run again, alone. What fails twice fails the run; what passed at the second go is
# printed, kept for tests/suites/run.py, and wants a look. `make test` has no second go.
set -uo pipefail
MOST=5
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
if [ ${#failed[@]} -gt "$MOST" ]; then
  echo "second go: none, ${#failed[@]} tests failed"
  exit 1
fi
echo "second go: ${#failed[@]} of $suite"
.venv/bin/pytest -o "cache_dir=$cache" "$@" --last-failed --last-failed-no-failures none || exit
printf 'second go: passed now, and failed before: %s\n' "${failed[@]}"
printf '%s\n' "${failed[@]}" >"$needed"
