# shellcheck shell=bash
# What a host of a workshop is brought to: `engine [admit]` or `toolkit REPOSITORY FINGERPRINT WORKSHOP`. It is the end
# of what `bash -s` reads there as root: engine.sh, toolkit.sh, then this. A line `did: ...` for each change.

root=${WORKSHOP_BOOTSTRAP_ROOT:-} # tests only
log=$(mktemp "${TMPDIR:-/tmp}/workshop-bootstrap.XXXXXX")
undo=() wanted=() packages=() newer=
say() { printf '%s\n' "$*" >&2; }
did() { printf 'did: %s\n' "$*"; }
fail() { say "$*"; exit 1; }
as_root() { "$@"; } # root it is

finish() { # a failed installation leaves no trace in apt's settings; its log stays
  local status=$?
  if [ ${#undo[@]} -gt 0 ]; then rm -f "${undo[@]}"; fi
  if [ $status = 0 ]; then rm -f "$log"; fi
}

bring_engine() { # $1: `admit` to let whoever came by sudo use it
  local engine
  engine=$(found_engine)
  if [ -z "$engine" ]; then
    choose_packages || fail "$system is not known here: install Docker Engine and its Compose plugin there yourself"
    wanted=("${packages[@]}" "${also[@]}")
    install_packages
    if [ -n "$newer" ]; then did "apt has Debian $newer as a source for ${packages[*]} ($source_file, $pin_file)"; fi
    start_engine
    did "Docker $(engine_version) and Compose $(compose_version) installed (${wanted[*]})"
  elif ! engine_answers; then
    if [ ! -d "$root/run/systemd/system" ] && ! may_start_again; then fail "$(engine_remedy "$engine")"; fi
    start_engine
    did "Docker $(engine_version) started"
  fi
  if ! compose_is_new_enough; then bring_compose "$engine"; fi
  if [ "${1:-}" = admit ]; then admit_sudoer; fi
}

bring_compose() { # for an engine of the distribution; others have a Compose of their own
  local package
  choose_packages || fail "$(engine_remedy "$1")"
  for package in "${packages[@]}"; do
    if ! is_installed "$package"; then wanted+=("$package"); fi
  done
  if [ -n "$newer" ] || [[ " ${wanted[*]} " == *" docker.io "* ]]; then fail "$(engine_remedy "$1")"; fi
  packages=() # the engine itself is not ours
  install_packages
  compose_is_new_enough || fail "$(engine_remedy "$1")"
  did "Compose $(compose_version) installed (${wanted[*]})"
}

admit_sudoer() {
  local user=${SUDO_USER:-root}
  if [ "$user" = root ] || [[ " $(id -nG "$user") " == *" docker "* ]]; then return; fi
  usermod -aG docker "$user" || fail "$user could not be put into the group docker"
  did "$user is in the group docker, whose members can become root"
}

engine_version() { docker version --format '{{.Server.Version}}'; }

main() {
  set -euo pipefail
  trap finish EXIT
  "bring_$1" "${@:2}"
}

if [ $# -gt 0 ]; then main "$@" </dev/null; fi
