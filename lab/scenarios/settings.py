"""Changes to the settings of the `lab` stack, as a pull request would make them.

Each function returns a changed copy.
"""

from __future__ import annotations

import copy
from typing import Any

ACCESS = "eks-identity:access"
WORKLOADS = "eks-identity:workloads"
CLUSTERS = "eks-identity:clusters"
FIRST_MAPPING = "operators"
SECOND_MAPPING = "auditors"

Settings = dict[str, Any]


def adopt_provider(settings: Settings) -> Settings:
    """Adopt the OIDC provider of `eks-clu`, which another program created."""
    changed = copy.deepcopy(settings)
    changed["config"][CLUSTERS]["eks-clu"]["oidc_provider"] = "adopt"
    return changed


def add_second_mapping(settings: Settings) -> Settings:
    """Map the mapped user again, to another group."""
    changed = copy.deepcopy(settings)
    access = changed["config"][ACCESS]
    role = {"name": "audit", "rules": [{"resources": ["events"], "verbs": ["list"]}]}
    access[SECOND_MAPPING] = access[FIRST_MAPPING] | {"group": SECOND_MAPPING, "rbac_roles": [role]}
    return changed


def remove_mapping(settings: Settings) -> Settings:
    """Remove the user's mapping. Role and binding stay."""
    changed = copy.deepcopy(settings)
    changed["config"][ACCESS][FIRST_MAPPING]["principals"] = []
    return changed


def use_access_entry(settings: Settings) -> Settings:
    """Grant the user access by an access entry instead of aws-auth."""
    changed = copy.deepcopy(settings)
    changed["config"][ACCESS][FIRST_MAPPING]["access_method"] = "access-entry"
    return changed


def use_pod_identity(settings: Settings) -> Settings:
    """Give the workload `my-sa` its role by Pod Identity instead of IRSA."""
    changed = copy.deepcopy(settings)
    changed["config"][WORKLOADS]["my-sa"]["mode"] = "pod-identity"
    return changed
