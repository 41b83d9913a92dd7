"""Where PyTorch's CPU wheel can be had: it is not on PyPI, whose own wheel brings CUDA along."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from orchestrator.fleet.images.settings import BuildSettings

VERSION = "2.13.0+cpu"  # as the Dockerfile of vllm
_WHEEL = re.compile(rf"torch-{re.escape(VERSION)}-cp311-[a-z0-9_.-]+_{re.escape(platform.machine())}\.whl")
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class TorchSource:
    """One of them is set."""

    wheel: Path | None = None
    find_links: SecretStr | None = None
    index: SecretStr | None = None


def find_torch(settings: BuildSettings) -> TorchSource | str:
    """Where it is, or in one line why it can't be had."""
    looked = []
    for link in settings.find_links:
        address = link.get_secret_value()
        folder = Path(unquote(urlsplit(address).path)) if address.startswith("file:") else Path(address)
        if "://" in address and not address.startswith("file:"):
            if _page_names_it(address):
                return TorchSource(find_links=link)
            looked.append(_without_password(address))
        elif wheel := next((path for path in _files(folder) if _WHEEL.fullmatch(path.name)), None):
            return TorchSource(wheel=wheel)
        else:
            looked.append(str(folder))
    if settings.torch_index:
        address = settings.torch_index.get_secret_value()
        if _page_names_it(f"{address.rstrip('/')}/torch/"):
            return TorchSource(index=settings.torch_index)
        looked.append(_without_password(address))
    where = f"not in {', '.join(looked)}" if looked else "name a folder or an index in the setting"
    return f"it needs torch=={VERSION}, which is not on PyPI ({where}; PIP_FIND_LINKS or WORKSHOP_TORCH_INDEX)"


def _files(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()


def _page_names_it(address: str) -> bool:
    import requests

    try:
        page = requests.get(address, timeout=_SECONDS)
    except requests.RequestException:
        return False
    return page.ok and _WHEEL.search(unquote(page.text)) is not None


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
