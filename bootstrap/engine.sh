# shellcheck shell=bash
# Is there a Docker engine, and what would it take to have one. Sourced by prepare.sh; on other hosts, before host.sh.
# Paths start with $root (empty but in tests). Nothing here changes the machine but install_engine and start_engine.

readonly compose_least=2.20
readonly marker=/var/lib/workshop-orchestrator/engine-installed # what was installed here, so that it may be started again
readonly daemon_log=/var/log/dockerd.log # where no service manager keeps one
readonly source_file=/etc/apt/sources.list.d/workshop-docker.sources
readonly pin_file=/etc/apt/preferences.d/workshop-docker

is_installed() { # a Debian package
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

found_engine() { # what of an engine is here, in words; nothing: none. A docker client alone is none.
  local unit socket context
  if [ -n "${DOCKER_HOST:-}" ]; then echo "DOCKER_HOST"; return; fi
  if command -v dockerd >/dev/null || [ -x "$root/usr/sbin/dockerd" ]; then echo "dockerd"; return; fi
  for unit in {/etc,/run,/lib,/usr/lib,/usr/local/lib}/systemd/system/docker.{service,socket} /etc/init.d/docker; do
    if [ -e "$root$unit" ]; then echo "the service $unit"; return; fi
  done
  for socket in /var/run/docker.sock /run/docker.sock "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock"; do
    if [ -e "$root$socket" ]; then echo "the socket $socket"; return; fi
  done
  if command -v podman >/dev/null && is_installed podman-docker; then echo "podman-docker"; return; fi
  if command -v docker >/dev/null; then
    case "$(docker --version 2>/dev/null)" in *podman*) echo "podman under the name docker"; return ;; esac
    context=$(docker context ls -q 2>/dev/null | grep -vx default | head -n 1 || true)
    if [ -n "$context" ]; then echo "the Docker context $context"; return; fi
  fi
}

engine_answers() { # sets through_group where only a membership that this session does not have yet helps
  if docker info >/dev/null 2>&1; then return; fi
  is_new_member && sg docker -c "docker info" >/dev/null 2>&1 && through_group=1
}

is_new_member() {
  [ "$(id -u)" != 0 ] && [[ " $(id -nG "$(id -un)") " == *" docker "* && " $(id -nG) " != *" docker "* ]]
}

is_forbidden() { [[ "$(docker info 2>&1)" == *"permission denied"* ]]; }

compose_version() { docker compose version --short 2>/dev/null | sed 's/^v//'; }

compose_is_new_enough() {
  compose_version | awk -F. -v least="$compose_least" \
    'BEGIN { split(least, l, ".") } { ok = $1 > l[1] || ($1 == l[1] && $2 + 0 >= l[2]) } END { exit !ok }'
}

engine_remedy() { # one line for an engine that is here ($1: what of it) and does not do
  if ! command -v docker >/dev/null; then
    echo "$1 is here without the docker command: install the Docker client that belongs to it"
  elif engine_answers; then
    echo "Docker answers, but 'docker compose' is missing or older than $compose_least: install the Compose plugin of the same source as your Docker"
  elif is_forbidden; then
    echo "Docker is here, and you may not use it: sudo usermod -aG docker $(id -un), then try again"
  else
    echo "found $1, and no engine answers: start it (sudo systemctl start docker), or correct DOCKER_HOST or the context"
  fi
}

choose_packages() { # sets: system, packages, newer (the Debian release that they come from, if not this one)
  local ID="" VERSION_ID="" PRETTY_NAME=""
  if [ -r "$root/etc/os-release" ]; then . "$root/etc/os-release"; fi
  system=${PRETTY_NAME:-this system} packages=() newer=
  case "$ID:${VERSION_ID:-testing}" in
    debian:12) newer=trixie packages=(docker.io docker-cli docker-compose docker-buildx) ;;
    debian:1[3-9] | debian:testing) packages=(docker.io docker-cli docker-compose docker-buildx) ;;
    ubuntu:2[4-9].*) packages=(docker.io docker-compose-v2 docker-buildx) ;;
    *) return 1 ;;
  esac
  also=(iptables ca-certificates)
}

describe_install() {
  echo "$system, no Docker engine: will install ${packages[*]}${newer:+ from Debian $newer (pinned to these; other packages stay)} and ${also[*]}"
}

add_newer_release() { # Debian 12 has no Compose v2: these packages, and nothing else, from the next release
  local targets mirror security key=/usr/share/keyrings/debian-archive-keyring.gpg
  # no pipe into a command that ends early: under pipefail the writer's SIGPIPE would count as a failure
  # --no-release-info: a fresh machine has downloaded no lists yet
  targets=$(apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Component: main')
  mirror=$(awk '!found && $2 == "bookworm" { print $1; found = 1 }' <<<"$targets")
  security=$(awk '!found && $2 == "bookworm-security" { print $1; found = 1 }' <<<"$targets")
  if [ -z "$mirror" ]; then fail "apt has no source for Debian bookworm: add one to /etc/apt/sources.list"; fi
  {
    printf '# Docker for Debian 12, with %s\n' "${pin_file##*/}"
    printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: %s\n' "$mirror" "$newer" "$newer" "$key"
    if [ -n "$security" ]; then
      printf '\nTypes: deb\nURIs: %s\nSuites: %s-security\nComponents: main\nSigned-By: %s\n' "$security" "$newer" "$key"
    fi
  } | write_as_root "$source_file"
  printf 'Package: *\nPin: release n=%s*\nPin-Priority: 100\n\nPackage: %s\nPin: release n=%s*\nPin-Priority: 700\n' \
    "$newer" "${packages[*]}" "$newer" | write_as_root "$pin_file"
}

write_as_root() { # standard input into a file that everyone may read
  as_root mkdir -p "$root$(dirname "$1")"
  as_root tee "$root$1" >/dev/null
  as_root chmod 644 "$root$1"
}

install_packages() { # of the plan: what was put into `wanted`
  local package policy
  if [ ${#packages[@]} -gt 0 ]; then
    undo=("$root$marker") # taken back by whoever sources this if anything fails from here on
    if [ -n "$newer" ]; then
      undo+=("$root$source_file" "$root$pin_file")
      add_newer_release
    fi
    printf '%s\n' "${wanted[@]}" | write_as_root "$marker"
  fi
  as_root apt-get update -qq -o DPkg::Lock::Timeout=120 >"$log" 2>&1 || fail "apt-get update failed: $(last_error)"
  for package in "${wanted[@]}"; do
    policy=$(apt-cache policy "$package")
    case "$policy" in
      *"Candidate: "[0-9]*) ;;
      *) fail "apt knows no package $package; nothing was installed (see $log)" ;;
    esac
  done
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "${wanted[@]}" >>"$log" 2>&1 || fail "apt-get install failed: $(last_error)"
  undo=()
}

last_error() { echo "$(grep -E '^(E:|Err|dpkg)' "$log" | tail -n 1 || true) (log: $log)"; }

start_engine() { # by whatever starts services here; by hand where nothing does
  local init=""
  if [ -r "$root/proc/1/comm" ]; then init=$(cat "$root/proc/1/comm"); fi
  if [ -d "$root/run/systemd/system" ]; then
    as_root systemctl enable --now docker >/dev/null 2>&1 || fail "systemctl could not start docker: see journalctl -u docker"
  elif [ "$init" = init ] && [ -x "$root/etc/init.d/docker" ]; then
    as_root service docker start >/dev/null 2>&1 || fail "'service docker start' failed: see /var/log/docker.log"
  else
    say "no service manager here: starting dockerd itself (log: $daemon_log); after a restart, make provision starts it again"
    forget_dead_daemon
    as_root sh -c 'setsid dockerd >>"$1" 2>&1 </dev/null &' sh "$root$daemon_log"
  fi
  local try
  for try in $(seq 150); do
    if as_root docker info >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  fail "dockerd was started and does not answer after 30 s: $(as_root tail -n 1 "$root$daemon_log" 2>/dev/null || echo "see journalctl -u docker")"
}

forget_dead_daemon() { # pid files outlive a machine that lost power, and the number may be somebody else's by now
  local file name pid
  for file in docker.pid docker/containerd/containerd.pid; do
    name=$(basename "$file" .pid)
    pid=$(cat "$root/var/run/$file" 2>/dev/null || true)
    if [ -z "$pid" ] || is_alive "$pid" "${name/#docker/dockerd}"; then continue; fi
    as_root rm -f "$root/var/run/$file"
  done
}

is_alive() { # pid, name
  { grep -qx "$2" "/proc/$1/comm" && ! grep -q '^State:.Z' "/proc/$1/status"; } 2>/dev/null
}

may_start_again() { # installed by us, and nothing on this machine starts services
  [ -e "$root$marker" ] && [ -z "${DOCKER_HOST:-}" ] && [ ! -d "$root/run/systemd/system" ] && ! is_forbidden
}

admit_user() { # whoever is not root needs the group docker; a new membership counts from the next sign-in, or by sg
  if [ "$(id -u)" = 0 ] || engine_answers; then return; fi
  say "adding $(id -un) to the group docker (its members can become root)"
  as_root usermod -aG docker "$(id -un)"
  through_group=1
}
