"""How the settings of an environment belong together: what they refer to is there, and nothing is declared twice.

Two declarations of one object are not refused by anybody else before it is too late: server-side apply lets the last
one win, IAM and EKS refuse the second one in the middle of an update. All of it is looked at in plain values, so that
it is said together with what else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity import Problem
from eks_identity.model.policy_templates.policies import entry_of_addon
from stacks.settings.raw import RawSettings, default, entries, items, section

AGENT = "eks-pod-identity-agent"


def problems(given: RawSettings) -> Iterator[Problem]:
    """What does not belong together, with the keys below the project as inputs."""
    yield from _origins(given)
    yield from _unknown_clusters(given)
    yield from _missing_providers(given)
    yield from _missing_agents(given)
    yield from _twice(given)


def _origins(given: RawSettings) -> Iterator[Problem]:
    for key, entry in entries(given, "clusters").items():
        here = f"clusters.{key}"
        if {"create", "stack"} <= entry.keys():
            rule = "made here (create) or in another stack (stack)"
            yield Problem(f"{here}.stack", rule, entry["stack"], "leave one of create and stack")
        if "create" not in entry:
            for only in sorted(entry.keys() & {"node_groups", "role_settings", "protect"}):
                rule = f"{only} of a cluster that is made here"
                yield Problem(f"{here}.{only}", rule, entry[only], "take it out, or make the cluster with create")


def _unknown_clusters(given: RawSettings) -> Iterator[Problem]:
    if not (clusters := entries(given, "clusters")):
        return
    known = ", ".join(clusters)
    for kind in ("access", "workloads"):
        for key, entry in entries(given, kind).items():
            cluster = entry.get("cluster")
            if isinstance(cluster, str) and cluster not in clusters:
                rule = f"one of clusters: {known}"
                yield Problem(f"{kind}.{key}.cluster", rule, cluster, f"write one of {known}, or add it there")


def _missing_providers(given: RawSettings) -> Iterator[Problem]:
    for cluster, entry in entries(given, "clusters").items():
        if entry.get("oidc_provider") == "none":
            where = f"clusters.{cluster}.oidc_provider"
            for user, pods in _pods(given, cluster, "irsa"):
                if not pods.keys() & {"oidc_provider_arn", "role_arn"}:
                    rule = f"{user} has mode irsa, which needs the OIDC provider of {cluster}"
                    yield Problem(where, rule, "none", f"set {where} to create or adopt")


def _missing_agents(given: RawSettings) -> Iterator[Problem]:
    """A new cluster has the add-ons that are written here, and no others."""
    for cluster, entry in entries(given, "clusters").items():
        options, addons = section(entry, "create"), section(entry, "addons")
        if "create" in entry and AGENT not in addons and "auto_mode" not in options:
            for user, _ in _pods(given, cluster, "pod-identity"):
                rule = f"{user} has mode pod-identity, which needs the add-on {AGENT}"
                yield Problem(f"clusters.{cluster}.addons", rule, sorted(addons), f"add {AGENT}: {{}}")


def _pods(given: RawSettings, cluster: str, mode: str) -> Iterator[tuple[str, RawSettings]]:
    """The workloads and add-ons of a cluster that get their roles by `mode`."""
    for key, workload in entries(given, "workloads").items():
        if workload.get("cluster") == cluster and default(given, workload, "mode", "irsa") == mode:
            yield f"workloads.{key}", workload
    for name, addon in entries(section(given, "clusters").get(cluster, {}), "addons").items():
        if addon.get("mode", section(given, "defaults").get("mode") if entry_of_addon(name) else "none") == mode:
            yield f"clusters.{cluster}.addons.{name}", addon


def _twice(given: RawSettings) -> Iterator[Problem]:
    first: dict[tuple[object, ...], str] = {}
    for where, value, identity in _declared(given):
        if None in identity:
            continue
        there = first.setdefault(identity, where)
        if there != where:
            yield Problem(where, f"one {identity[0]}, declared once", value, f"take out this one, or {there}")


Declared = tuple[str, object, tuple[object, ...]]
"""Where an object is named, as what, and what makes it the same object as another one."""


def _declared(given: RawSettings) -> Iterator[Declared]:
    for key, cluster in entries(given, "clusters").items():
        name = cluster.get("name", key)
        yield f"clusters.{key}", name, ("cluster of the environment", name, cluster.get("stack") or "")
    for key, access in entries(given, "access").items():
        yield from _of_access(f"access.{key}", access)
    for key, workload in entries(given, "workloads").items():
        yield from _of_workload(f"workloads.{key}", workload)


def _of_access(here: str, access: RawSettings) -> Iterator[Declared]:
    cluster = access.get("cluster")
    for index, role in items(access, "rbac_roles"):
        kind, title, under = role.get("kind", "ClusterRole"), role.get("name"), f"{here}.rbac_roles[{index}]"
        scope = (cluster, kind, role.get("namespace") or "")
        if "rules" in role:
            yield f"{under}.name", title, (f"{kind} of a cluster", *scope, title)
        if "binding_name" in role:
            binding = role["binding_name"]
            yield f"{under}.binding_name", binding, ("binding of a cluster", *scope, binding)
    for index, principal in items(access, "principals"):
        word = next((word for word in ("user", "role", "arn", "permission_set") if word in principal), None)
        if word and isinstance(principal[word], str):
            # One principal may be in several accesses only where each of them has a type of its own to give.
            same = ("principal of a cluster", cluster, word, principal[word].lower(), principal.get("account_id") or "")
            yield f"{here}.principals[{index}].{word}", principal[word], same


def _of_workload(here: str, workload: RawSettings) -> Iterator[Declared]:
    cluster = workload.get("cluster")
    first = {"namespace": workload.get("namespace"), "name": workload.get("service_account")}
    accounts: list[tuple[str, RawSettings]] = [(f"{here}.service_account", first)]
    accounts += [
        (f"{here}.more_service_accounts[{index}].name", more)
        for index, more in items(workload, "more_service_accounts")
    ]
    for where, account in accounts:
        identity = ("service account of a namespace", cluster, account.get("namespace"), account.get("name"))
        yield where, account.get("name"), identity
    role_name = workload.get("role_name")
    yield f"{here}.role_name", role_name, ("IAM role of the account", role_name)
