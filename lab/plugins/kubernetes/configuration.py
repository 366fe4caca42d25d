"""When a change of the provider's settings means another cluster, so that all its objects must move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider

from lab.plugins.kubernetes.kubeconfig import active_cluster
from lab.plugins.values import UNKNOWN

_OWN = "clusterIdentifier"


def diff_configuration(old: Mapping[str, Any], new: Mapping[str, Any]) -> provider.DiffResponse:
    """What differs between two settings of a provider, and whether they mean the same cluster.

    `clusterIdentifier`, where it is set, alone decides. Else the cluster entry that the kubeconfig's context leads to
    does; a kubeconfig that is not known yet counts as another cluster.
    """
    changed = sorted(
        key for key in old.keys() | new.keys() if key != "version" and not _same(old.get(key), new.get(key))
    )
    if old.get(_OWN) or new.get(_OWN):
        moved = _OWN in changed
    elif new.get("kubeconfig") is UNKNOWN:
        moved = True
    else:
        moved = bool(changed) and _cluster(old) != _cluster(new)
    if moved and not changed:
        changed = ["kubeconfig"]
    return provider.DiffResponse(changes=bool(changed), diffs=changed, replaces=changed if moved else [])


def _same(old: Any, new: Any) -> bool:
    return old is not UNKNOWN and new is not UNKNOWN and bool(old == new)


def _cluster(settings: Mapping[str, Any]) -> Any:
    def text(name: str) -> str:
        value = settings.get(name)
        return value if isinstance(value, str) else ""

    return active_cluster(text("kubeconfig"), text("context"), text("cluster"))
