"""Migrate a stack in steps. Each step is an update with changed settings, before and after which access is compared.

1. The step's settings are written to a copy of the settings file.
2. A preview with that copy. A failed one, and one in which somebody loses access, end the migration before any change.
   Where the mode becomes `API`, no principal may have access by aws-auth alone.
3. The living clusters are read, the update runs, and they are read again: no subject may have lost access.
4. The copy replaces the settings file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from eks_access.errors import EksAccessError
from eks_access.graph import AccessGraph
from eks_access.graph.tables import NotReadError, Part
from eks_access.questions.diff import diff
from eks_access.sources.live import open_live
from eks_access.sources.preview import graph_of_preview
from eks_access.sources.state import clusters_of_state, graph_of_state
from eks_identity.model.access_entries import EntryType
from eks_pipeline.errors import AccessLossError, OperationFailedError
from eks_pipeline.fleet import settings_file
from eks_pipeline.fleet.migration_steps import Migration, Step, access_by_both, steps
from eks_pipeline.operations.context import Context
from eks_pipeline.review.access import access_changes
from eks_pipeline.review.losses import losses
from eks_pipeline.stack.engine_output import PreviewOutput

_NOT_APPLIED = "the step was not applied"


@dataclass(frozen=True)
class StepResult:
    """A step that succeeded: in a dry run its preview, otherwise its update."""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    unchanged: int = 0
    """Subjects with equal access to the living clusters before and after the update."""


def run(context: Context) -> None:
    """Take all remaining steps. Raises `AccessLossError` at the first in which somebody loses access."""
    job = context.job
    migration = job.options.migration or Migration()
    os.environ.update(job.environment)  # this process reads the living clusters with the credentials of the stack
    clusters = _Clusters(context)
    modes = {name: str(graph.cluster.get().authentication_mode) for name, graph in clusters.open().items()}
    current = job.folder / "settings.yaml"
    shutil.copyfile(job.settings, current)
    both = access_by_both(context.commands.read_state())
    remaining = steps(migration, settings_file.config(current), modes, both)
    results = job.folder / "migration.json"
    done = msgspec.json.decode(results.read_bytes(), type=list[StepResult]) if results.exists() else []
    for number, step in enumerate(remaining, 1):
        context.reporter.status(f"step {number} of {len(remaining)}: {step.name}")
        candidate = job.folder / f"step-{number}.yaml"
        shutil.copyfile(current, candidate)
        commands = context.commands.with_settings(candidate, refresh=step.needs_refresh)
        commands.set_settings(step.values)
        before = clusters.read()
        _require_no_loss_in_preview(context, before, commands.preview(context.reporter.on_preview_event), step)
        unchanged = 0
        if not migration.is_dry_run:
            context.reporter.status(f"step {number} of {len(remaining)}: updating")
            commands.up(context.reporter.on_event)
            unchanged = _require_equal_access(context, before, clusters.read(), step, candidate)
            shutil.copyfile(candidate, job.settings)
            context.reporter.status(f"step {number} of {len(remaining)}: wrote {job.settings.name}")
        current = candidate
        done.append(StepResult(step.name, dict(step.values), unchanged))
        results.write_bytes(msgspec.json.encode(done))


class _Clusters:
    """The living clusters of the stack."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self) -> dict[str, AccessGraph]:
        """Return the graph of each cluster in the state. Raises `OperationFailedError`."""
        state = self._context.commands.read_state()
        profile = settings_file.config(self._context.job.settings).get("aws:profile")
        try:
            names = clusters_of_state(state)
            regions = {name: graph_of_state(state, name).cluster.get().region for name in names}
            return {name: open_live(name, region=region or None, profile=profile) for name, region in regions.items()}
        except (EksAccessError, NotReadError) as error:
            raise OperationFailedError(f"the access to a cluster cannot be compared: {error}") from error

    def read(self) -> dict[str, AccessGraph]:
        """Return the graphs with everything read now."""
        graphs = self.open()
        for graph in graphs.values():
            graph.read_everything()
        return graphs


def _require_no_loss_in_preview(
    context: Context, living: Mapping[str, AccessGraph], output: PreviewOutput, step: Step
) -> None:
    state = context.commands.read_state()
    node_roles = {name: _roles_of_nodes(graph, state) for name, graph in living.items()}
    for access in access_changes(state, output, node_roles):
        if access.difference is not None and (lost := losses(access.difference)):
            _raise_loss(context, step, access.cluster, lost, _NOT_APPLIED)
    for name, graph in living.items():
        cluster = graph.cluster.get()
        planned = graph_of_preview(output.digest, output.events, cluster=name).cluster.get().authentication_mode
        # In the mode CONFIG_MAP the migration has not created its access entries yet.
        if (cluster.authentication_mode, planned) == ("API_AND_CONFIG_MAP", "API"):
            without_aws_auth = replace(graph, cluster=Part.of(replace(cluster, authentication_mode=planned)))
            if lost := losses(diff(graph, without_aws_auth)):
                _raise_loss(context, step, name, lost, _NOT_APPLIED)


def _roles_of_nodes(living: AccessGraph, state: Mapping[str, Any]) -> set[str]:
    """Return the roles of nodes whose access entry is in no state, also of node groups that other stacks declare."""
    declared = graph_of_state(state, living.cluster.get().name).entries.all()
    entries = living.entries.all().values()
    return {each.principal_arn for each in entries if each.type != EntryType.STANDARD} - set(declared)


def _require_equal_access(
    context: Context, before: Mapping[str, AccessGraph], after: Mapping[str, AccessGraph], step: Step, candidate: Path
) -> int:
    """Return the number of subjects with equal access. Raises `AccessLossError` if somebody lost some."""
    unchanged = 0
    for name, graph in before.items():
        if name not in after:
            _raise_loss(context, step, name, ["the state does not have the cluster any more"], "the step was applied")
        found = diff(graph, after[name])
        ended = f"the step was applied, with the settings in {candidate}; {context.job.settings.name} is unchanged"
        if lost := losses(found):
            _raise_loss(context, step, name, lost, ended)
        migration = context.job.options.migration
        if found.not_evaluated and not (migration and migration.allow_not_evaluated):
            parts = [f"not evaluated: {each}" for each in found.not_evaluated]
            _raise_loss(context, step, name, parts, f"equal access is not proven: {ended}", allow=True)
        unchanged += found.unchanged
    return unchanged


def _raise_loss(
    context: Context, step: Step, cluster: str, lost: list[str], ended: str, *, allow: bool = False
) -> None:
    listed = "".join(f"\n  {each}" for each in lost)
    fix = (
        "let these parts be read, or pass --allow-not-evaluated"
        if allow
        else "declare the access of these principals in a way that stays, then run again with --resume"
    )
    raise AccessLossError(
        f"step {step.name!r} of stack {context.job.name!r}, cluster {cluster}: {ended}:{listed}\n  fix: {fix}"
    )
