# From a fresh clone: `make provision` (a practice workshop on this machine), `make test`, `make bench`.
SPEC ?= workshop.yaml
SLOWEST := --durations=20 --durations-min=10
export TESTCONTAINERS_RYUK_DISABLED := true
unexport PYTHONDONTWRITEBYTECODE # collecting tests that were not compiled takes twice as long

.PHONY: provision test lint unit stack fleet compat bench pictures lock

provision:
	@bootstrap/prepare.sh .venv/bin/provision $(SPEC)

test: lint unit stack fleet

lint:
	@bootstrap/prepare.sh --with-tests .venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

unit:
	@bootstrap/prepare.sh --with-tests .venv/bin/pytest tests/unit -n auto --dist worksteal

# Whole workshops and hosts wait more than they reckon: two at a time.
stack:
	@bootstrap/prepare.sh --with-tests tests/second_go.sh tests/stack --ignore tests/stack/workshop $(SLOWEST)
	@tests/second_go.sh tests/stack/workshop -n 2 --dist loadfile $(SLOWEST)

fleet:
	@bootstrap/prepare.sh --with-tests tests/second_go.sh tests/fleet -n 2 --dist loadfile $(SLOWEST)

# All that is asked of the newest Open WebUI, of the oldest that the program speaks to; `make stack` asks it a part.
compat:
	@WORKSHOP_TEST_WEBUI=oldest bootstrap/prepare.sh --with-tests .venv/bin/pytest tests/stack/webui $(SLOWEST)

bench:
	@bootstrap/prepare.sh --with-tests .venv/bin/pytest tests/bench --capture=no

# The pictures of the page in the docs, from a practice workshop; needs Debian's chromium.
pictures:
	@WORKSHOP_PICTURES=1 bootstrap/prepare.sh --with-tests .venv/bin/pytest tests/stack/workshop/test_workshop_browser*.py

# The locks name versions and hashes, never an address: whatever index pip is set to will do.
lock:
	bootstrap/lock.sh
