#!/bin/bash
# prepare.sh [--with-tests] [--dry-run] COMMAND...: what must be there before Python can take over, then COMMAND.
# A virtual environment in .venv, a Docker engine, Compose 2.20 or newer. Says first what it will do; docs/machine-changes.md
# lists what it changes and how to undo it. An engine that is here already is never touched.
set -euo pipefail
cd "$(dirname "$0")/.."

root=${WORKSHOP_BOOTSTRAP_ROOT:-} # tests only
log=$(mktemp "${TMPDIR:-/tmp}/workshop-bootstrap.XXXXXX")
say() { printf 'prepare: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

finish() { # a failed installation leaves no trace in apt's settings; the environment that is being made is kept
  if [ ${#undo[@]} -gt 0 ]; then as_root rm -f "${undo[@]}"; fi
  if [ -n "$making" ]; then wait "$making" || true; fi
  if [ ! -s "$log" ]; then rm -f "$log"; fi
}
undo=() making=
trap finish EXIT

. bootstrap/engine.sh
. bootstrap/venv.sh

lock=bootstrap/requirements.lock stamp=workshop-stamp dry_run=0 through_group=0
while [ $# -gt 0 ]; do
  case $1 in
    --with-tests) lock=bootstrap/requirements-test.lock stamp=workshop-stamp-test ;;
    --dry-run) dry_run=1 ;;
    *) break ;;
  esac
  shift
done

# 1. Look
engine=$(found_engine)
wanted=() packages=() newer=
start=0
if [ -z "$engine" ]; then
  choose_packages || fail "$system has no Docker engine, and it is not one that is known here: install Docker Engine and the Compose plugin, then try again"
  also+=(mmdebstrap debian-archive-keyring) # base images can be made where none can be pulled
  wanted+=("${packages[@]}" "${also[@]}")
  start=1
elif engine_answers && compose_is_new_enough; then
  :
elif ! engine_answers && may_start_again; then
  start=1
else
  fail "$(engine_remedy "$engine")"
fi
find_python
venv=0
if ! venv_is_ready; then
  venv=1
  if [ ! -x .venv/bin/python ] && needs_venv_package; then
    if ! command -v apt-get >/dev/null; then fail "Python's venv module is missing: install it (python3-venv, or your system's name for it)"; fi
    wanted+=(python3-venv)
  fi
fi

# 2. Say
if [ ${#packages[@]} -gt 0 ]; then say "$(describe_install)"; fi
case " ${wanted[*]:-} " in *" python3-venv "*) say "will install python3-venv" ;; esac
if [ $start = 1 ]; then say "will start the Docker engine"; fi
if [ $venv = 1 ]; then say "will make .venv with the versions of $lock"; fi
if [ ${#wanted[@]} -gt 0 ] || [ $start = 1 ]; then
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then fail "this needs root, and there is no sudo: run it as root"; fi
fi
if [ $dry_run = 1 ]; then exit 0; fi

# 3. Do: the environment while apt works, unless it waits for a package itself
case "$venv:${wanted[*]:-}" in
  0:* | *python3-venv*) ;;
  *)
    make_venv &
    making=$!
    ;;
esac
if [ ${#wanted[@]} -gt 0 ]; then install_packages; fi
if [ $start = 1 ]; then
  start_engine
  admit_user
  say "Docker $(as_root docker version -f '{{.Server.Version}}') and Compose $(compose_version) answer"
fi
if [ -n "$making" ]; then
  wait "$making" || fail "making .venv failed, see above"
elif [ $venv = 1 ]; then
  make_venv || fail "making .venv failed, see above"
fi
making=
rm -f "$log"

if [ $# = 0 ]; then exit 0; fi
if [ $through_group = 1 ]; then exec sg docker -c "exec $(printf '%q ' "$@")"; fi
exec "$@"
