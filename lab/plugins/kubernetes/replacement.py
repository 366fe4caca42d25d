"""Changes that the API server rejects for each kind, so that the object must be replaced.

The rules are those of the official plugin and of the API's validation: names and namespaces for every kind, and the
listed fields for single kinds. A path covers all paths below it. ConfigMaps and Secrets could be updated in place, but
pods that use them would not restart; the official plugin replaces them, unless the provider allows the change or a
patch makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.plugins.kubernetes.discovery import Kind
from lab.plugins.kubernetes.settings import Settings
from lab.plugins.values import Path

_IDENTITY: Final[tuple[Path, ...]] = (("metadata", "name"), ("metadata", "namespace"), ("metadata", "generateName"))


@dataclass(frozen=True)
class Rule:
    """Paths that cannot change in place, and paths below them that can."""

    fixed: tuple[Path, ...]
    free: tuple[Path, ...] = ()


_SELECTOR: Final = Rule(fixed=(("spec", "selector"),))
_DATA: Final = Rule(fixed=(("data",), ("binaryData",)))
_SECRET_DATA: Final = Rule(fixed=(("data",), ("stringData",)))

RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("", "ConfigMap"): _DATA,
    ("", "Secret"): Rule(fixed=(("type",), *_SECRET_DATA.fixed)),
    ("", "PersistentVolume"): Rule(
        fixed=(("spec",),),
        free=tuple(
            ("spec", field)
            for field in (
                "accessModes",
                "capacity",
                "claimRef",
                "mountOptions",
                "nodeAffinity",
                "persistentVolumeReclaimPolicy",
                "storageClassName",
            )
        ),
    ),
    ("", "PersistentVolumeClaim"): Rule(fixed=(("spec",),), free=(("spec", "resources", "requests", "storage"),)),
    ("", "Pod"): Rule(fixed=(("spec",),), free=(("spec", "activeDeadlineSeconds"), ("spec", "tolerations"))),
    ("", "ResourceQuota"): Rule(fixed=(("spec", "scopes"),)),
    ("", "Service"): Rule(fixed=(("spec", "clusterIP"),)),
    ("apps", "DaemonSet"): _SELECTOR,
    ("apps", "Deployment"): _SELECTOR,
    ("apps", "ReplicaSet"): _SELECTOR,
    ("apps", "StatefulSet"): Rule(
        fixed=tuple(
            ("spec", field) for field in ("podManagementPolicy", "selector", "serviceName", "volumeClaimTemplates")
        ),
    ),
    ("batch", "Job"): Rule(fixed=tuple(("spec", field) for field in ("completions", "selector", "template"))),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): Rule(fixed=(("roleRef",),)),
    ("rbac.authorization.k8s.io", "RoleBinding"): Rule(fixed=(("roleRef",),)),
    ("scheduling.k8s.io", "PriorityClass"): Rule(fixed=(("value",), ("preemptionPolicy",))),
    ("storage.k8s.io", "StorageClass"): Rule(
        fixed=(("parameters",), ("provisioner",), ("reclaimPolicy",), ("volumeBindingMode",)),
    ),
}
"""The rule of each group and kind, for every version of the group."""


def requires_replacement(path: Path, kind: Kind, old_inputs: Mapping[str, Any], settings: Settings) -> bool:
    """Return whether a change at `path` replaces the object. Patches only use `changes_identity`."""
    if changes_identity(path):
        return True
    rule = RULES.get((kind.group, kind.kind))
    if rule is None or _mutable(path, kind, old_inputs, settings):
        return False
    free = any(path[: len(prefix)] == prefix for prefix in rule.free)
    return not free and any(_covers(fixed, path) for fixed in rule.fixed)


def changes_identity(path: Path) -> bool:
    """Return whether a change at `path` identifies another object."""
    return any(_covers(identity, path) for identity in _IDENTITY)


def _mutable(path: Path, kind: Kind, old_inputs: Mapping[str, Any], settings: Settings) -> bool:
    """Return whether the provider allows this change of a ConfigMap's or Secret's data in place."""
    if kind.group or old_inputs.get("immutable") is True:
        return False
    if kind.kind == "ConfigMap":
        return settings.enable_config_map_mutable
    return kind.kind == "Secret" and settings.enable_secret_mutable and path[0] != "type"


def _covers(prefix: Path, path: Path) -> bool:
    """Return whether `path` is at, below or above `prefix`: a change of all of `spec` changes `spec.selector`."""
    length = min(len(prefix), len(path))
    return prefix[:length] == path[:length]
