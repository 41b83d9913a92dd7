"""Whether an image carries the nginx and the njs that the gateway's rules are written for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UserError
from orchestrator.pins import LEAST, least

if TYPE_CHECKING:
    from docker import DockerClient

# njs has no command in the image: nginx runs one line of JavaScript, away from any network, and that line tells.
_PROBE = """
cd /tmp && nginx -v
echo 'function tell() { ngx.log(ngx.ERR, "njs/" + njs.version); } export default {tell};' > probe.js
printf '%s' 'load_module modules/ngx_http_js_module.so; error_log /tmp/probe.log; pid /tmp/probe.pid; events {}
http { access_log off; js_path /tmp; js_import probe.js;
  server { listen unix:/tmp/probe.sock; location @tell { js_periodic probe.tell interval=10ms; } } }' > probe.conf
nginx -c /tmp/probe.conf || exit 0
for _ in $(seq 60); do grep -m1 -o 'njs/[0-9.]*' probe.log && exit; sleep 0.05; done
"""


def check_gateway(client: DockerClient, reference: str, cache: Path) -> None:
    """Raises UserError. Takes 0.3 s for an image that was not seen before, then `cache` (a folder) knows its id."""
    from docker.errors import ImageNotFound

    try:
        image = client.images.get(reference)
    except ImageNotFound:
        raise UserError("gateway_image", f"the gateway's image {reference} is not on this machine") from None
    known = cache / f"gateway-{str(image.id).rpartition(':')[2][:24]}"
    if known.exists():
        return
    said = _probe(client, str(image.id))
    nginx, njs = (_version(name, said) for name in ("nginx", "njs"))
    if nginx is None or njs is None or nginx < least("nginx") or njs < least("njs"):
        has = ", ".join(
            f"{name} {'.'.join(map(str, version))}" if version else f"no {name}"
            for name, version in (("nginx", nginx), ("njs", njs))
        )
        raise UserError(
            "gateway_image",
            f"the gateway needs nginx {LEAST['nginx']} and njs {LEAST['njs']} or newer, and {reference} has {has}",
            hint="Name another image under images.override.gateway, or set images.source to packages",
        )
    cache.mkdir(parents=True, exist_ok=True)
    known.touch()


def _probe(client: DockerClient, image: str) -> str:
    from docker.errors import APIError, ContainerError

    try:
        output = client.containers.run(
            image, ["-c", _PROBE], entrypoint="sh", network_mode="none", remove=True, stdout=True, stderr=True
        )
    except ContainerError as error:
        output = error.stderr or b""
    except APIError:  # no shell in it
        output = b""
    return bytes(output).decode(errors="replace")


def _version(name: str, text: str) -> tuple[int, ...] | None:
    found = re.search(rf"\b{name}/(\d+(?:\.\d+)+)", text)
    return tuple(map(int, found[1].split("."))) if found else None
