# shellcheck shell=bash
# NVIDIA's container toolkit, for a host whose GPUs have their driver. On hosts only, between engine.sh and host.sh.
# The driver itself is never touched.

readonly toolkit_source=/etc/apt/sources.list.d/workshop-nvidia.sources
readonly toolkit_key=/etc/apt/keyrings/workshop-nvidia.asc
readonly daemon_settings=/etc/docker/daemon.json

bring_toolkit() { # REPOSITORY FINGERPRINT WORKSHOP
  local others
  if ! has_gpus || has_nvidia_runtime; then return; fi
  others=$(docker ps --format '{{.Label "workshop.name"}}|{{.Names}}' |
    awk -F '|' -v ours="$3" '$1 != ours { printf "%s%s", separator, $2; separator = ", " }')
  if [ -n "$others" ]; then
    fail "for its GPUs Docker must be restarted, which would stop containers that are not this workshop's: $others. Stop them or install the NVIDIA container toolkit yourself; nothing was changed"
  fi
  can_restart || fail "for its GPUs Docker must be restarted, and nothing here starts services: install the NVIDIA container toolkit yourself; nothing was changed"
  if ! is_installed nvidia-container-toolkit; then install_toolkit "$1" "$2"; fi
  configure_runtime
  has_nvidia_runtime || fail "the NVIDIA container toolkit is there, and Docker has no runtime nvidia: see $daemon_settings and journalctl -u docker"
}

has_gpus() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

has_nvidia_runtime() {
  command -v nvidia-container-runtime-hook >/dev/null && [[ "$(docker info --format '{{json .Runtimes}}')" == *'"nvidia"'* ]]
}

can_restart() { [ -d "$root/run/systemd/system" ] || [ -e "$root$marker" ]; }

restart_engine() {
  if [ -d "$root/run/systemd/system" ]; then
    systemctl restart docker >>"$log" 2>&1 || return 1
  else # our own dockerd
    kill "$(cat "$root/var/run/docker.pid")"
    while [ -e "$root/var/run/docker.pid" ]; do sleep 0.2; done
  fi
  start_engine
}

install_toolkit() { # REPOSITORY FINGERPRINT
  local added=
  packages=() # not of the engine
  if [[ $1 == https:* ]] && ! is_installed ca-certificates; then
    wanted=(ca-certificates)
    install_packages
    did "ca-certificates installed"
  fi
  if [[ "$(apt-cache policy nvidia-container-toolkit)" != *"Candidate: "[0-9]* ]]; then
    undo=("$root$toolkit_source" "$root$toolkit_key") added=1
    add_repository "$1" "$2"
  fi
  wanted=(nvidia-container-toolkit)
  install_packages
  if [ -n "$added" ]; then did "apt has $1 as a source ($toolkit_source, its key in $toolkit_key)"; fi
  did "NVIDIA container toolkit $(dpkg-query -W -f '${Version}' nvidia-container-toolkit) installed"
}

add_repository() { # REPOSITORY FINGERPRINT
  local fetched found
  fetched=$(mktemp -d "${TMPDIR:-/tmp}/workshop-key.XXXXXX")
  if ! /usr/lib/apt/apt-helper download-file "$1/gpgkey" "$fetched/key.asc" >>"$log" 2>&1; then # with apt's own proxy
    rm -rf "$fetched"
    fail "$1/gpgkey can't be downloaded: $(last_error)"
  fi
  found=$(fingerprints "$fetched/key.asc") || found="no OpenPGP key"
  if [ "$found" != "$2" ]; then
    rm -rf "$fetched"
    fail "$1/gpgkey is $found, and must be the key $2: nothing was installed"
  fi
  write_as_root "$toolkit_key" <"$fetched/key.asc"
  rm -rf "$fetched"
  describe_repository "$1" | write_as_root "$toolkit_source"
}

describe_repository() {
  printf "# NVIDIA's container toolkit\nTypes: deb\nURIs: %s/stable/deb/%s\nSuites: /\nSigned-By: %s\n" \
    "$1" "$(dpkg --print-architecture)" "$toolkit_key"
}

fingerprints() { # of every primary key in an OpenPGP file (RFC 4880, section 12.2); gpg itself may not be here
  python3 - "$1" <<'PYTHON'
import base64, hashlib, re, sys

data = open(sys.argv[1], "rb").read()
parts = re.findall(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?\r?\n\r?\n(.*?)\r?\n(?:=....\r?\n)?-----END", data, re.DOTALL)
packets = b"".join(map(base64.b64decode, parts)) if parts else data
found, at = [], 0
while at < len(packets):
    head = packets[at]
    if not head & 0x80:
        sys.exit("not OpenPGP")
    at += 1
    if head & 0x40:
        kind, first = head & 0x3F, packets[at]
        if first < 192:
            length, at = first, at + 1
        elif first < 224:
            length, at = ((first - 192) << 8) + packets[at + 1] + 192, at + 2
        elif first == 255:
            length, at = int.from_bytes(packets[at + 1 : at + 5], "big"), at + 5
        else:
            sys.exit("a packet in parts")
    else:
        kind, size = (head >> 2) & 0xF, 1 << (head & 3)
        if size == 8:
            sys.exit("a packet without an end")
        length, at = int.from_bytes(packets[at : at + size], "big"), at + size
    body, at = packets[at : at + length], at + length
    if kind == 6 and body[0] == 4:
        found.append(hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper())
    elif kind == 6:
        found.append("a key of version %d" % body[0])
print(" ".join(found) or "no key")
PYTHON
}

configure_runtime() { # the old settings come back where Docker does not start with the new ones
  local before=
  if [ -e "$root$daemon_settings" ]; then
    before=$(mktemp "$root$daemon_settings.XXXXXX")
    cp -p "$root$daemon_settings" "$before"
  fi
  nvidia-ctk runtime configure --runtime=docker >>"$log" 2>&1 || fail "nvidia-ctk runtime configure failed: $(tail -n 1 "$log")"
  if ! restart_engine; then
    if [ -n "$before" ]; then mv "$before" "$root$daemon_settings"; else rm -f "$root$daemon_settings"; fi
    restart_engine || true
    fail "Docker does not start with the runtime nvidia; $daemon_settings is as before (log: $log)"
  fi
  rm -f "$before"
  did "the runtime nvidia added to $daemon_settings, and Docker restarted"
}
