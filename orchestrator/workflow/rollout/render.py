"""Step: all files of all stacks, in memory and in the workshop's folder."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.errors import WorkshopError
from orchestrator.render.files import write_tree
from orchestrator.state.failures import refusals_explained
from orchestrator.workflow.context.run import Run
from orchestrator.workflow.gateway.certificates import served
from orchestrator.workflow.gateway.standing import require_newest, rules_there, signed, standing_policy
from orchestrator.workflow.wanted.desired import desired


def render(run: Run) -> Run:
    meta = run.state.meta
    if run.deployment is None or meta is None:
        raise WorkshopError("rendering comes after the images were chosen")
    folder, change = run.state.folder, _change(run)
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
            change=change,
            drained=run.state.drained.all(),
        )
        for host, files in wanted.files.items():
            write_tree(folder.rendered / host, files)
    return replace(run, desired=wanted)


def _change(run: Run) -> dict[str, str]:
    """What made the revision of the people who are rendered. Raises UserError `state_outdated`."""
    there = rules_there(run.front)
    standing = standing_policy(there)
    if standing is not None:
        if not run.options.older_state:
            require_newest(run.state, standing, run.front_name, run.spec.file)
        elif standing["revision"] >= run.state.changes.revision:
            run.state.changes.outrun(standing["revision"])
    return signed(run.state)
