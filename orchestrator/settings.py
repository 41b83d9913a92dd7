"""What belongs to the operator's machine, not to the workshop: WORKSHOP_* environment variables."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestrator.errors import UserError

NVIDIA_REPOSITORY = "https://nvidia.github.io/libnvidia-container"
NVIDIA_KEY = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"  # NVIDIA CORPORATION (Open Source Projects)


class Settings(BaseSettings):
    """Read once per command. Each field is the variable WORKSHOP_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="WORKSHOP_", env_ignore_empty=True, frozen=True, extra="ignore")

    state_dir: Path | None = None
    """Where workshops keep their state; absent: `.workshop` beside the spec."""
    stack_dir: Path = Field(default_factory=lambda: Path.home() / ".local/share/workshop")
    """Where stacks lie on this machine."""
    known_hosts: Path | None = None
    """A file with keys of SSH hosts, read beside ~/.ssh/known_hosts."""
    nvidia_repository: str = Field(default=NVIDIA_REPOSITORY, pattern=r"^https?://[A-Za-z0-9._~:/@%+-]+$")
    """Where hosts with `bootstrap: true` get the NVIDIA container toolkit from: NVIDIA itself, or a mirror of it."""
    nvidia_key: str = Field(default=NVIDIA_KEY, pattern=r"^[0-9A-F]{40}$")
    """Fingerprint of the OpenPGP key that this place must show (`gpgkey` there) and sign with."""
    weights: Path | None = None
    """A folder with weights, for hosts without internet: a cache of Hugging Face, or GGUF files."""
    copy_weights: bool = True
    """Copy weights from host to host, through this machine, instead of fetching them for each."""
    torch_index: str | None = None
    """A package index with torch's CPU wheels, for building vLLM's practice image."""
    webui_concurrency: int = Field(default=4, ge=1, le=64)
    """Accounts created at once; about the WebUI host's cores, up to twice as many."""


def read_settings() -> Settings:
    """Raises UserError `setting_invalid` naming the variable."""
    try:
        return Settings()
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        variable = f"WORKSHOP_{first['loc'][0]}".upper()
        hint = "Set it right or unset it"
        raise UserError("setting_invalid", f"the environment variable {variable}: {first['msg']}", hint=hint) from None
