"""Changes to the settings of the `lab` stack, as a pull request would make them. Each returns changed copies."""

from __future__ import annotations

import copy
from typing import Any

PEOPLE = "eks-identity:access"
WORKLOADS = "eks-identity:workloads"
CLUSTERS = "eks-identity:clusters"
FIRST_MAPPING = "operators"
SECOND_MAPPING = "auditors"

Settings = dict[str, Any]


def adopting(settings: Settings) -> Settings:
    """The OIDC provider of `eks-clu` is somebody else's, and is adopted."""
    changed = copy.deepcopy(settings)
    changed["config"][CLUSTERS]["eks-clu"]["oidc_provider"] = "adopt"
    return changed


def with_second_mapping(settings: Settings) -> Settings:
    """The person who is mapped already is mapped again, into another group."""
    changed = copy.deepcopy(settings)
    people = changed["config"][PEOPLE]
    role = {"name": "audit", "rules": [{"resources": ["events"], "verbs": ["list"]}]}
    people[SECOND_MAPPING] = people[FIRST_MAPPING] | {"group": SECOND_MAPPING, "rbac_roles": [role]}
    return changed


def unmapped(settings: Settings) -> Settings:
    """The person's mapping is taken out; role and binding stay."""
    changed = copy.deepcopy(settings)
    changed["config"][PEOPLE][FIRST_MAPPING]["principals"] = []
    return changed


def by_access_entry(settings: Settings) -> Settings:
    """The person comes in by an access entry in place of aws-auth."""
    changed = copy.deepcopy(settings)
    changed["config"][PEOPLE][FIRST_MAPPING]["access_method"] = "access-entry"
    return changed


def by_pod_identity(settings: Settings) -> Settings:
    """The workload `my-sa` gets its role by Pod Identity in place of IRSA."""
    changed = copy.deepcopy(settings)
    changed["config"][WORKLOADS]["my-sa"]["mode"] = "pod-identity"
    return changed
