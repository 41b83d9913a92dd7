# shellcheck shell=bash
# Sourced by prepare.sh: the virtual environment, with the locked versions and their hashes.

find_python() { # sets: python
  local candidate
  for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python=$candidate
      return
    fi
  done
  fail "Python 3.11 or newer is needed: install python3, or name one (PYTHON=/path/to/python3 make provision)"
}

needs_venv_package() { ! "$python" -c 'import ensurepip, venv' 2>/dev/null; }

venv_fingerprint() { # changes with the lock, the project's metadata, the interpreter and the place
  { cat "$lock" pyproject.toml; "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; pwd; } | sha256sum
}

venv_is_ready() { [ -x .venv/bin/provision ] && [ "$(cat ".venv/$stamp" 2>/dev/null)" = "$(venv_fingerprint)" ]; }

make_venv() {
  local pip=(.venv/bin/python -m pip --disable-pip-version-check -qq) # errors only
  { .venv/bin/python -c '' 2>/dev/null || "$python" -m venv --clear .venv; } &&
    { .venv/bin/python -c 'import pip' 2>/dev/null || .venv/bin/python -m ensurepip >/dev/null; } &&
    "${pip[@]}" install --require-hashes --no-deps -r "$lock" &&
    "${pip[@]}" install --no-deps --no-build-isolation --no-index --editable . &&
    venv_fingerprint >".venv/$stamp"
}
