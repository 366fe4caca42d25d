"""Detect whether changed settings of the provider select another cluster, so that its objects must be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider

from lab.plugins.kubernetes.kubeconfig import active_cluster
from lab.plugins.values import UNKNOWN

_CLUSTER_IDENTIFIER = "clusterIdentifier"


def diff_configuration(old: Mapping[str, Any], new: Mapping[str, Any]) -> provider.DiffResponse:
    """Compare two configurations of a provider, and determine whether they select the same cluster.

    `clusterIdentifier` alone decides if it is set; otherwise the cluster entry of the kubeconfig's context does. An
    unresolved kubeconfig counts as another cluster.
    """
    changed = sorted(
        key for key in old.keys() | new.keys() if key != "version" and not _same(old.get(key), new.get(key))
    )
    if old.get(_CLUSTER_IDENTIFIER) or new.get(_CLUSTER_IDENTIFIER):
        is_replaced = _CLUSTER_IDENTIFIER in changed
    elif new.get("kubeconfig") is UNKNOWN:
        is_replaced = True
    else:
        is_replaced = bool(changed) and _cluster(old) != _cluster(new)
    if is_replaced and not changed:
        changed = ["kubeconfig"]
    return provider.DiffResponse(changes=bool(changed), diffs=changed, replaces=changed if is_replaced else [])


def _same(old: Any, new: Any) -> bool:
    return old is not UNKNOWN and new is not UNKNOWN and bool(old == new)


def _cluster(settings: Mapping[str, Any]) -> Any:
    def text(name: str) -> str:
        value = settings.get(name)
        return value if isinstance(value, str) else ""

    return active_cluster(text("kubeconfig"), text("context"), text("cluster"))
