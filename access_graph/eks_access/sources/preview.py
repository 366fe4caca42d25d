"""The source that fills an access graph from a preview: the access after the update, as far as it is known before.

`pulumi preview --json` prints the inputs of each resource, and which resources decide them. It has no outputs of
components, such as the authentication mode of a looked-up cluster: `open_preview` takes them from the engine's events.
A file that was written with `--show-secrets` has secrets as plain values, which cannot be told from others.

| step of the preview                     | in the graph                                              |
|-----------------------------------------|-----------------------------------------------------------|
| `create`, `replace`, `import`           | inputs, and the outputs that the provider predicts        |
| `update`, `same`, `refresh`             | new inputs, and old outputs that were no inputs           |
| `read`                                  | the outputs                                               |
| `delete`, `discard`                     | does not exist, unless Pulumi retains it                  |
| input that is decided by the update     | `Unknown`, with the resources that decide it              |
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from eks_access.errors import SourceError
from eks_access.graph import AccessGraph
from eks_access.sources.levels import require_levels
from eks_access.sources.pulumi.command import run_pulumi
from eks_access.sources.pulumi.documents import Digest, require_form
from eks_access.sources.pulumi.graph import StackResources, clusters_of_stack, graph_of_stack
from eks_access.sources.pulumi.resources import Resource, resource_of
from eks_access.sources.state import stack_of

COMMAND = ("preview", "--json", "--show-sames", "--show-reads")
_EVENT_LOG = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Pulumi has the option `--event-log` only with this variable, as its Automation API sets it."""
_REMOVED = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "read-discard", "remove-pending-replace"}
)
_NEW = frozenset({"create", "create-replacement", "replace", "import", "import-replacement"})

Events = Iterable[Mapping[str, Any]]


def open_preview(stack: str | None = None, *, cwd: Path | None = None, cluster: str | None = None) -> AccessGraph:
    """Run a preview of a stack, and return its graph.

    Args:
        stack: Name of the stack; by default the selected one.
        cwd: Folder of the Pulumi project; by default the current one.
        cluster: Name of the EKS cluster; by default the only one of the stack.

    Raises:
        UsageError: The stack has no such cluster, or several and `cluster` is None.
        SourceError: The preview fails.
    """
    with tempfile.TemporaryDirectory(prefix="eks-access-") as folder:
        log = Path(folder) / "events"
        digest = run_pulumi([*COMMAND, "--event-log", str(log)], cwd, stack, _EVENT_LOG)
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return graph_of_preview(digest, events, cluster=cluster)


def graph_of_preview(
    digest: Mapping[str, Any], events: Events = (), *, cluster: str | None = None, now: datetime | None = None
) -> AccessGraph:
    """Return the graph of a preview from its JSON, and from the engine's events if there are some.

    Raises `SourceError` if the JSON has another format, or lacks the resources that do not change.
    """
    return graph_of_stack(_resources(digest, events), cluster, now)


def clusters_of_preview(digest: Mapping[str, Any], events: Events = ()) -> list[str]:
    """Return the names of the clusters of a preview: `graph_of_preview` returns the graph of one of them.

    Raises `SourceError` as `graph_of_preview` does.
    """
    return clusters_of_stack(_resources(digest, events))


def _resources(digest: Mapping[str, Any], events: Events) -> StackResources:
    """Return the resources after the update of a preview."""
    require_form(digest, Digest, "preview", f"pulumi {' '.join(COMMAND)}")
    steps = digest.get("steps") or []
    _require_sames(digest, steps)
    outputs = _planned_outputs(events)
    existing: dict[str, Resource] = {}
    deleted: list[Resource] = []
    for step in steps:
        operation, old, new = step["op"], step.get("oldState") or {}, step.get("newState") or {}
        if operation in _REMOVED:
            if old and not old.get("retainOnDelete"):
                deleted.append(resource_of(old, masks=True))
        elif new:
            planned = outputs.get(step["urn"]) or _outputs(operation, old, new)
            existing[step["urn"]] = resource_of(new, planned, masks=True, is_new=operation in _NEW)
            if operation in {"replace", "create-replacement"} and old and not old.get("retainOnDelete"):
                deleted.append(resource_of(old, masks=True))
    return StackResources(f"preview{stack_of(steps)}", list(existing.values()), deleted)


def _require_sames(digest: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> None:
    """Raise `SourceError` if the preview has only the resources that change."""
    unchanged = (digest.get("changeSummary") or {}).get("same", 0)
    if unchanged > sum(step.get("op") == "same" for step in steps):
        message = f"the preview must have its {unchanged} unchanged resources too"
        raise SourceError(message, f"write it with `pulumi {' '.join(COMMAND)}`")


def _outputs(operation: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the outputs after the update. Outputs of an updated resource that were inputs may no longer be set."""
    if operation in _NEW or new.get("external"):
        return new.get("outputs") or {}
    inputs = old.get("inputs") or {}
    return {name: value for name, value in (old.get("outputs") or {}).items() if name not in inputs}


def _planned_outputs(events: Events) -> dict[str, Mapping[str, Any]]:
    """Return the outputs that providers predict and components register, by URN."""
    outputs: dict[str, Mapping[str, Any]] = {}
    for event in events:
        metadata = (event.get("resOutputsEvent") or {}).get("metadata") or {}
        planned = (metadata.get("new") or {}).get("outputs")
        if planned:  # a component has none before its children
            require_levels(planned, "the outputs of the preview")
            outputs[metadata["urn"]] = planned
    return outputs
