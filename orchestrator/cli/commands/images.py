"""`workshop images`: made from packages, saved into one file, loaded from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.display import Progress, emit, section, table
from orchestrator.cli.options import common_options, practice_option, spec_argument

if TYPE_CHECKING:
    from orchestrator.fleet.images.archive_manifest import Manifest
    from orchestrator.workflow.images.archive import Built, SavedImages
    from orchestrator.workflow.images.load import Loaded

HOSTS_FAILED = 3


@click.group()
def images() -> None:
    """Container images: make them, and take them where no registry is."""


@images.command()
@spec_argument
@practice_option
@common_options
def build(spec: Path, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> int:
    """Make all images that SPEC needs out of Debian's and PyPI's packages, on this machine."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load as read
    from orchestrator.workflow.images.archive import build as make

    loaded = read(spec, practice=practice or None)
    with Progress(verbose=verbose) as progress:
        done = make(loaded, read_settings(), state_dir, progress)
    emit(built(done), text=_built(done), output=output)
    return 0 if done.ok else 1


@images.command()
@spec_argument
@click.option(
    "--to", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="[default: NAME.images.tar.zst]"
)
@click.option("--weights", is_flag=True, help="The files of its models too: from here, the hub, or a host.")
@practice_option
@common_options
def save(
    spec: Path, *, to: Path | None, weights: bool, practice: bool, output: str, state_dir: Path | None, verbose: bool
) -> None:
    """Write all images that SPEC needs into one file; those that are not here are had first."""
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load as read
    from orchestrator.workflow.images.archive import save as write

    loaded = read(spec, practice=practice or None)
    with Progress(verbose=verbose) as progress:
        done = write(loaded, read_settings(), state_dir, to, progress, weights=weights)
    emit(saved(done), text=_saved(done), output=output)


@images.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@practice_option
@common_options
def load(file: Path, spec: Path | None, *, practice: bool, output: str, state_dir: Path | None, verbose: bool) -> int:
    """Put the images of FILE into this machine's Docker and, with SPEC, into that of each host that needs them.

    Weights that are in FILE go to the hosts whose models need them.
    """
    from orchestrator.settings import read_settings
    from orchestrator.spec.loader import load as read
    from orchestrator.workflow.images.load import load as take

    loaded = read(spec, practice=practice or None) if spec else None
    with Progress(verbose=verbose) as progress:
        done = take(file, loaded, read_settings(), state_dir, progress)
    emit(taken(done), text=_taken(done, spec), output=output)
    return 0 if done.ok else HOSTS_FAILED


def built(done: Built) -> dict[str, object]:
    return {
        "workshop": done.workshop,
        "ok": done.ok,
        "images": [{"component": c, "reference": i.reference, "source": i.source} for c, i in done.images.items()],
        "missing": [{"component": component, "why": why} for component, why in done.missing.items()],
        "seconds": round(done.seconds, 2),
    }


def saved(done: SavedImages) -> dict[str, object]:
    return {
        "workshop": done.workshop,
        "ok": True,
        "file": str(done.file),
        "bytes": done.size,
        "images": _images(done.manifest),
        "left_out": [{"component": component, "why": why} for component, why in done.missing.items()],
        "weights": _weights(done.manifest),
        "weights_left_out": [{"model": model, "why": why} for model, why in done.weights_left_out.items()],
        "seconds": round(done.seconds, 2),
    }


def taken(done: Loaded) -> dict[str, object]:
    return {
        "workshop": done.workshop,
        "ok": done.ok,
        "file": str(done.file),
        "images": _images(done.manifest),
        "weights": _weights(done.manifest),
        "hosts": [
            {
                "name": name,
                "ok": name not in done.failed,
                "problem": str(done.failed[name]) if name in done.failed else None,
            }
            for name in done.hosts
        ],
        "changes": list(done.changes),
        "notes": list(done.notes),
        "seconds": round(done.seconds, 2),
    }


def _images(manifest: Manifest) -> list[dict[str, object]]:
    fields = {"component", "reference", "digest", "id", "platform", "size"}
    return [image.model_dump(mode="json", include=fields) for image in manifest.images]


def _weights(manifest: Manifest) -> list[dict[str, object]]:
    return [{"model": one.model, "files": len(one.read), "size": one.size} for one in manifest.weights]


def _table(manifest: Manifest) -> str:
    from orchestrator.fleet.images.meter import size_text

    rows = [(str(i.component), i.reference, i.platform, size_text(i.size)) for i in manifest.images]
    rows += [("weights", one.model, "any", size_text(one.size)) for one in manifest.weights]
    return table(("component", "image", "platform", "unpacked"), rows)


def _built(done: Built) -> str:
    rows = [(str(component), image.reference, image.source) for component, image in done.images.items()]
    missing = [f"{component}: {why}" for component, why in done.missing.items()]
    return "\n".join([table(("component", "image", "from"), rows), *section("Not made:", missing)])


def _saved(done: SavedImages) -> str:
    from orchestrator.fleet.images.meter import size_text

    lines = [f"{done.workshop}: {done.file} ({size_text(done.size)}, {done.seconds:.0f} s)", "", _table(done.manifest)]
    lines += section("Left out:", (f"{component}: {why}" for component, why in done.missing.items()))
    lines += section("Weights left out:", (f"{model}: {why}" for model, why in done.weights_left_out.items()))
    return "\n".join([*lines, "", f"Where it is needed: workshop images load {done.file.name} SPEC"])


def _taken(done: Loaded, spec: Path | None) -> str:
    manifest = done.manifest
    lines = [f"{done.file}: images of {manifest.workshop}, saved {manifest.made}", "", _table(manifest)]
    lines += section("Changed:", done.changes or ("nothing: they were there",))
    lines += section("Hosts that failed:", map(str, done.failed.values()))
    lines += section("Note:", done.notes)
    return "\n".join([*lines, *section("Next:", [f"provision {spec}"] if spec else [])])
