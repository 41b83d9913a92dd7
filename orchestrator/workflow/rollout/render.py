"""Step: all files of all stacks, in memory and in the workshop's folder."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.errors import WorkshopError
from orchestrator.render.files import write_tree
from orchestrator.state.failures import refusals_explained
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.certificates import served
from orchestrator.workflow.gateway.standing import signed
from orchestrator.workflow.wanted.desired import desired


def render(run: Run) -> Run:
    meta = run.state.meta
    if run.deployment is None or meta is None:
        raise WorkshopError("rendering comes after the images were chosen")
    folder = run.state.folder
    with refusals_explained(folder.path):
        shown = served(run.spec, folder)
        wanted = desired(
            run.spec,
            run.deployment,
            run.identity,
            deployment_id=meta.deployment_id,
            images=run.images,
            cache=folder.rendered / ".cache",
            tls=shown.files,
            edges=shown.edges,
            revision=run.state.changes.revision,
            change=signed(run.state),
            drained=run.state.drained.all(),
        )
        for host, files in wanted.files.items():
            write_tree(folder.rendered / host, files)
    return replace(run, desired=wanted)
