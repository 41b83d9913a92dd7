#!/bin/bash
# make-base.sh SUITE TAG: a Debian base image made by mmdebstrap, for where none can be pulled.
# Mirror, proxy and the Valid-Until setting are those of this machine's apt; its own CA certificates go into the image,
# so that apt, pip and uv work there as they do here. Never publish the image: it names the mirror.
set -euo pipefail
suite=$1 tag=$2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
certificates=/usr/local/share/ca-certificates

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 1; }
[ -r "$keyring" ] || { echo "$keyring is missing: apt-get install debian-archive-keyring" >&2; exit 1; }

work=$(mktemp -d /var/tmp/workshop-base.XXXXXX) # mmdebstrap wants a place that is neither nodev nor noexec
trap '"${as_root[@]}" rm -rf "$work"' EXIT

# On a machine that is not Debian the list stays empty: mmdebstrap knows Debian's own address.
sources=() mirror="" security=""
. /etc/os-release
if [ "$ID" = debian ]; then
  # --no-release-info: a fresh machine has downloaded no lists yet
  targets=$(apt-get indextargets --no-release-info --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 'Component: main')
  mirror=$(awk -v own="${VERSION_CODENAME:-}" '!found && $2 == own { print $1; found = 1 }' <<<"$targets")
  security=$(awk -v own="${VERSION_CODENAME:-}-security" '!found && $2 == own { print $1; found = 1 }' <<<"$targets")
fi
if [ -n "$mirror" ]; then
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$work/sources.list"
  if [ "$suite" = bookworm ]; then # forky is testing, which gets its fixes by migration
    printf 'deb [signed-by=%s] %s %s-updates main\n' "$keyring" "$mirror" "$suite" >>"$work/sources.list"
    if [ -n "$security" ]; then
      printf 'deb [signed-by=%s] %s %s-security main\n' "$keyring" "$security" "$suite" >>"$work/sources.list"
    fi
  fi
  sources=("$work/sources.list")
fi

options=()
for setting in Acquire::Check-Valid-Until Acquire::http::Proxy Acquire::https::Proxy; do
  eval "$(apt-config shell value "$setting")"
  if [ -n "${value:-}" ]; then options+=(--aptopt="$setting \"$value\""); fi
  unset value
done
if compgen -G "$certificates/*" >/dev/null; then
  printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$work/pip.conf"
  printf 'system-certs = true\n' >"$work/uv.toml"
  options+=(
    --customize-hook="sync-in $certificates $certificates"
    --customize-hook='chroot "$1" update-ca-certificates'
    --customize-hook="copy-in $work/pip.conf /etc"
    --customize-hook='mkdir -p "$1/etc/uv"'
    --customize-hook="copy-in $work/uv.toml /etc/uv"
  )
fi

TMPDIR=/var/tmp "${as_root[@]}" mmdebstrap --mode=root --variant=minbase --format=tar --keyring="$keyring" \
  --include=ca-certificates,debian-archive-keyring \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --aptopt='Acquire::Languages "none"' "${options[@]}" \
  "$suite" - "${sources[@]}" |
  docker import --change 'CMD ["bash"]' - "$tag"
