"""A stand-in for NVIDIA's package repository: a fake toolkit in a real apt repository, signed with a key made here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.fleet.bed.ssh_host import SshHost

FAKES = Path(__file__).parents[1] / "image" / "host" / "fake-nvidia"
VERSION = "1.17.8-1"
PORT = 8000
CTK = """#!/usr/bin/env python3
import json, sys
from pathlib import Path
assert sys.argv[1:] == ["runtime", "configure", "--runtime=docker"], sys.argv
file = Path("/etc/docker/daemon.json")
settings = json.loads(file.read_text()) if file.exists() else {}
settings.setdefault("runtimes", {})["nvidia"] = {"path": "/usr/bin/nvidia-container-runtime", "args": []}
file.write_text(json.dumps(settings))
"""
CONTROL = f"""Package: nvidia-container-toolkit
Version: {VERSION}
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: FAKE, for tests
"""
MAKE = """
set -eu
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gpg gpg-agent >/dev/null
cd /srv/shop
place=stable/deb/$(dpkg --print-architecture)
mkdir -p "$place"
dpkg-deb --root-owner-group --build /srv/package "$place/nvidia-container-toolkit.deb" >/dev/null
cd "$place"
{
  cat /srv/package/DEBIAN/control
  echo "Filename: ./nvidia-container-toolkit.deb"
  echo "Size: $(stat -c %s nvidia-container-toolkit.deb)"
  echo "SHA256: $(sha256sum nvidia-container-toolkit.deb | cut -d ' ' -f 1)"
} >Packages
{
  echo "Date: $(date -Ru)"
  echo "SHA256:"
  echo " $(sha256sum Packages | cut -d ' ' -f 1) $(stat -c %s Packages) Packages"
} >Release
export GNUPGHOME=/srv/gnupg
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Fleet test <nobody@example.org>' rsa3072 sign never 2>/dev/null
gpg --batch --quiet --clearsign --output InRelease Release
gpg --batch --quiet --armor --export >/srv/shop/gpgkey
gpg --batch --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }'
"""


@dataclass(frozen=True)
class AptRepository:
    address: str
    fingerprint: str


def open_repository(host: SshHost) -> AptRepository:
    """On a host of the bed, which needs nothing but its own apt."""
    package = {"DEBIAN/control": (CONTROL, "0644"), "usr/bin/nvidia-ctk": (CTK, "0755")}
    for name in ("nvidia-container-runtime", "nvidia-container-runtime-hook"):
        package[f"usr/bin/{name}"] = ((FAKES / name).read_text(encoding="utf-8"), "0755")
    for path, (text, mode) in package.items():
        host.write(f"/srv/package/{path}", text, mode=mode)
    host.run("mkdir", "-p", "/srv/shop")
    fingerprint = host.run("sh", "-c", MAKE).strip()
    host.run("sh", "-c", f"cd /srv/shop; setsid python3 -m http.server {PORT} >/dev/null 2>&1 </dev/null &")
    address = f"http://{host.address}:{PORT}"
    until = time.monotonic() + 20
    while True:
        try:
            requests.get(f"{address}/gpgkey", timeout=5).raise_for_status()
        except requests.ConnectionError:
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return AptRepository(address, fingerprint)
