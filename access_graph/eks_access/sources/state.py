"""The source that fills an access graph from the state of a Pulumi stack, as `pulumi stack export` prints it.

| resource of the state          | in the graph                                                  |
|--------------------------------|---------------------------------------------------------------|
| pending deletion (`delete`)    | left out: a resource that replaces it has the same URN        |
| pending replacement            | left out: Pulumi deleted it, and has not created the new one  |
| only read (`external`)         | with its outputs                                              |
| protected, retained            | as any other                                                  |
| pending creation or update     | as before the interrupted operation                           |
| secret value                   | `Unknown`                                                     |
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eks_access.graph import AccessGraph
from eks_access.graph.aws_objects import Cluster
from eks_access.sources.pulumi.command import run_pulumi
from eks_access.sources.pulumi.documents import Export, require_form
from eks_access.sources.pulumi.graph import StackResources, clusters_of_stack, graph_of_stack
from eks_access.sources.pulumi.resources import resource_of

_REPLACED = "pendingReplacement"


def open_state(stack: str | None = None, *, cwd: Path | None = None, cluster: str | None = None) -> AccessGraph:
    """Return the graph of a stack's state, which `pulumi stack export` reads. Secrets stay encrypted.

    Args:
        stack: Name of the stack; by default the selected one.
        cwd: Folder of the Pulumi project; by default the current one.
        cluster: Name of the EKS cluster; by default the only one of the stack.

    Raises:
        UsageError: The stack has no such cluster, or several and `cluster` is None.
        SourceError: Pulumi cannot export the state.
    """
    return graph_of_state(run_pulumi(["stack", "export"], cwd, stack), cluster)


def graph_of_state(
    export: Mapping[str, Any], cluster: str | None = None, described: Cluster | None = None
) -> AccessGraph:
    """Return the graph of an exported state; raise `SourceError` if it has another format.

    `described` is the cluster as a preview describes it. A state that does not have it, as before the first update, is
    then one in which the stack gives no access to the cluster.
    """
    return graph_of_stack(stack_of_export(export), cluster, described=described)


def clusters_of_state(export: Mapping[str, Any]) -> list[str]:
    """Return the names of the clusters of an exported state: `graph_of_state` returns the graph of one of them.

    Raises `SourceError` as `graph_of_state` does.
    """
    return clusters_of_stack(stack_of_export(export))


def stack_of_export(export: Mapping[str, Any]) -> StackResources:
    """Return the resources of an exported state; raise `SourceError` if it has another format."""
    require_form(export, Export, "state", "pulumi stack export")
    states = (export.get("deployment") or {}).get("resources") or []
    resources = [resource_of(state) for state in states if not (state.get("delete") or state.get(_REPLACED))]
    return StackResources(f"state{stack_of(states)}", resources)


def stack_of(states: list[Mapping[str, Any]]) -> str:
    """Return ` of stack NAME` from the URN of a resource; empty if there is none."""
    name = next((state["urn"].split("::")[0].rpartition(":")[2] for state in states), "")
    return f" of stack {name}" if name else ""
