"""Images from wherever they can be had: a registry, an archive, or Debian's and PyPI's packages."""

from orchestrator.fleet.images.gateway import check_gateway
from orchestrator.fleet.images.resolve import Resolution, resolve
from orchestrator.fleet.images.settings import BuildSettings

__all__ = ["BuildSettings", "Resolution", "check_gateway", "resolve"]
