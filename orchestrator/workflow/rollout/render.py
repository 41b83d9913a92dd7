"""Step: all files of all stacks, in memory and in the workshop's folder."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.errors import WorkshopError
from orchestrator.render.files import write_tree
from orchestrator.state.failures import refusals_explained
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.certificates import served
from orchestrator.workflow.gateway.live import outrun_gateway, standing_policy
from orchestrator.workflow.wanted.desired import desired


def render(run: Run) -> Run:
    meta = run.state.meta
    if run.deployment is None or meta is None:
        raise WorkshopError("rendering comes after the images were chosen")
    folder = run.state.folder
    notes = outrun_gateway(run.state, standing_policy(run.front))
    with refusals_explained(folder.path):
        shown = served(run.spec, folder)
        wanted = desired(
            run.spec,
            run.deployment,
            run.people,
            secret=run.state.secret,
            deployment_id=meta.deployment_id,
            images=run.images,
            cache=folder.rendered / ".cache",
            tls=shown.files,
            edges=shown.edges,
            revision=run.state.revision,
            drained=run.state.drained.all(),
        )
        for host, files in wanted.files.items():
            write_tree(folder.rendered / host, files)
    return replace(run, desired=wanted, notes=(*run.notes, *notes))
