# From a fresh clone: `make provision` (a practice workshop on this machine), `make test`, `make bench`.
SPEC ?= workshop.yaml
SLOWEST := --durations=20 --durations-min=10
AT_TWO := -n 2 --dist loadfile $(SLOWEST) # containers wait more than they reckon
# Without a second go, and without what tests/suites knows to be for `make test-all`.
DAILY := .venv/bin/pytest -m "not full" --junitxml=.pytest_cache/junit/daily
export TESTCONTAINERS_RYUK_DISABLED := true
unexport PYTHONDONTWRITEBYTECODE # collecting tests that were not compiled takes twice as long

.PHONY: provision test test-all lint unit stack classes compat bench pictures durations lock outdated

provision:
	@bootstrap/prepare.sh .venv/bin/provision $(SPEC)

# docs/testing.md says what runs where, how long it takes and why.
test: lint unit stack classes

# Everything there is but the benches; SUITES="gateway webui" takes some of it.
test-all: lint
	@bootstrap/prepare.sh --with-tests .venv/bin/python -m tests.suites.run $(SUITES)

lint:
	@bootstrap/prepare.sh --with-tests .venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

unit:
	@bootstrap/prepare.sh --with-tests $(DAILY)/unit.xml tests/unit -n auto --dist worksteal

stack:
	@bootstrap/prepare.sh --with-tests $(DAILY)/stack.xml tests/stack --ignore tests/stack/workshop $(AT_TWO)

classes:
	@bootstrap/prepare.sh --with-tests $(DAILY)/classes.xml tests/stack/workshop tests/fleet $(AT_TWO)

# All that is asked of the newest Open WebUI, of the oldest that the program speaks to.
compat:
	@bootstrap/prepare.sh --with-tests .venv/bin/python -m tests.suites.run compat

bench:
	@bootstrap/prepare.sh --with-tests .venv/bin/pytest tests/bench --capture=no

# The pictures of the page in the docs, from a practice workshop; needs Debian's chromium.
pictures:
	@WORKSHOP_PICTURES=1 bootstrap/prepare.sh --with-tests .venv/bin/pytest tests/stack/workshop/test_workshop_browser*.py

# What the last `make test` and `make test-all` took, into tests/durations.json and docs/testing.md.
durations:
	@bootstrap/prepare.sh --with-tests .venv/bin/python -m tests.suites.durations
	@.venv/bin/python docs/generate.py

# The locks name versions and hashes, never an address: whatever index pip is set to will do.
lock:
	bootstrap/lock.sh

# What is newer than the pins, and which of them have published holes: docs/pins.md.
outdated:
	@bootstrap/prepare.sh --with-tests .venv/bin/python bootstrap/outdated.py
