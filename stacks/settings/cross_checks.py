"""Checks across settings: references resolve, combinations are valid, and no object is declared twice.

Without these checks a duplicate declaration is found too late: server-side apply keeps the last writer, IAM and EKS
reject the second resource in the middle of an update. The checks read raw settings, so that their problems are
reported together with all others.
"""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity import Problem
from eks_identity.model.policy_templates.policies import find_addon_template
from stacks.settings.profile import RawSettings, list_items, mapping_entries, section, value_or_default

AGENT = "eks-pod-identity-agent"


def find_problems(settings: RawSettings) -> Iterator[Problem]:
    """Yield the problems between settings; their inputs are keys below the project's name."""
    yield from _cluster_origins(settings)
    yield from _unknown_clusters(settings)
    yield from _missing_oidc_providers(settings)
    yield from _missing_agents(settings)
    yield from _duplicates(settings)


def _cluster_origins(settings: RawSettings) -> Iterator[Problem]:
    for key, cluster in mapping_entries(settings, "clusters").items():
        if {"create", "stack"} <= cluster.keys():
            rule = "must be omitted when create is set: a cluster is either created here or belongs to another stack"
            yield Problem(f"clusters.{key}.stack", rule, cluster["stack"], "remove one of create and stack")
        if "create" not in cluster:
            for option in sorted(cluster.keys() & {"node_groups", "role_settings", "protect"}):
                rule = f"must be omitted unless create is set: {option} is for clusters that this stack creates"
                yield Problem(f"clusters.{key}.{option}", rule, cluster[option], "remove it, or set create")


def _unknown_clusters(settings: RawSettings) -> Iterator[Problem]:
    if not (clusters := mapping_entries(settings, "clusters")):
        return
    names = ", ".join(clusters)
    for kind in ("access", "workloads"):
        for key, entry in mapping_entries(settings, kind).items():
            cluster = entry.get("cluster")
            if isinstance(cluster, str) and cluster not in clusters:
                rule = f"must be one of clusters: {names}"
                yield Problem(f"{kind}.{key}.cluster", rule, cluster, f"set one of {names}, or add it to clusters")


def _missing_oidc_providers(settings: RawSettings) -> Iterator[Problem]:
    for cluster, entry in mapping_entries(settings, "clusters").items():
        if entry.get("oidc_provider") == "none":
            path = f"clusters.{cluster}.oidc_provider"
            for pods_path, pods in _pods(settings, cluster, "irsa"):
                if not pods.keys() & {"oidc_provider_arn", "role_arn"}:
                    rule = (
                        f"must be create or adopt: {pods_path} has mode irsa and needs the OIDC provider of {cluster}"
                    )
                    yield Problem(path, rule, "none", f"set {path} to create or adopt")


def _missing_agents(settings: RawSettings) -> Iterator[Problem]:
    """Yield new clusters without the Pod Identity agent: they have only the add-ons in their settings."""
    for cluster, entry in mapping_entries(settings, "clusters").items():
        options, addons = section(entry, "create"), section(entry, "addons")
        if "create" in entry and AGENT not in addons and "auto_mode" not in options:
            for pods_path, _ in _pods(settings, cluster, "pod-identity"):
                rule = f"must include {AGENT}: {pods_path} has mode pod-identity and needs the add-on"
                yield Problem(f"clusters.{cluster}.addons", rule, sorted(addons), f"add {AGENT}: {{}}")


def _pods(settings: RawSettings, cluster: str, mode: str) -> Iterator[tuple[str, RawSettings]]:
    """Yield the workloads and add-ons of a cluster whose identity mode is `mode`, each with its path."""
    for key, workload in mapping_entries(settings, "workloads").items():
        if workload.get("cluster") == cluster and value_or_default(settings, workload, "mode", "irsa") == mode:
            yield f"workloads.{key}", workload
    for name, addon in mapping_entries(section(settings, "clusters").get(cluster, {}), "addons").items():
        if (
            addon.get("mode", section(settings, "defaults").get("mode") if find_addon_template(name) else "none")
            == mode
        ):
            yield f"clusters.{cluster}.addons.{name}", addon


def _duplicates(settings: RawSettings) -> Iterator[Problem]:
    first_paths: dict[tuple[object, ...], str] = {}
    for path, value, identity in _declarations(settings):
        if not all(isinstance(part, str) for part in identity):
            continue  # other values are problems of their own
        first = first_paths.setdefault(identity, path)
        if first != path:
            yield Problem(path, f"must be declared once ({identity[0]})", value, f"remove this entry, or {first}")


Declaration = tuple[str, object, tuple[object, ...]]
"""The path of a declaration, its value, and the identity of the declared object."""


def _declarations(settings: RawSettings) -> Iterator[Declaration]:
    for key, cluster in mapping_entries(settings, "clusters").items():
        name = cluster.get("name", key)
        yield f"clusters.{key}", name, ("cluster of the environment", name, cluster.get("stack") or "")
    for key, access in mapping_entries(settings, "access").items():
        yield from _access_declarations(f"access.{key}", access)
    for key, workload in mapping_entries(settings, "workloads").items():
        yield from _workload_declarations(f"workloads.{key}", workload)


def _access_declarations(access_path: str, access: RawSettings) -> Iterator[Declaration]:
    cluster = access.get("cluster")
    for index, role in list_items(access, "rbac_roles"):
        kind, name, path = role.get("kind", "ClusterRole"), role.get("name"), f"{access_path}.rbac_roles[{index}]"
        scope = (cluster, kind, role.get("namespace") or "")
        if "rules" in role:
            yield f"{path}.name", name, (f"{kind} of a cluster", *scope, name)
        if "binding_name" in role:
            binding = role["binding_name"]
            yield f"{path}.binding_name", binding, ("binding of a cluster", *scope, binding)
    for index, principal in list_items(access, "principals"):
        kind = next((kind for kind in ("user", "role", "arn", "permission_set") if kind in principal), None)
        if kind and isinstance(value := principal[kind], str):
            # EKS has one access entry for each principal and cluster.
            identity = ("principal of a cluster", cluster, kind, value.lower(), principal.get("account_id") or "")
            yield f"{access_path}.principals[{index}].{kind}", value, identity


def _workload_declarations(workload_path: str, workload: RawSettings) -> Iterator[Declaration]:
    cluster = workload.get("cluster")
    service_account = {"namespace": workload.get("namespace"), "name": workload.get("service_account")}
    accounts: list[tuple[str, RawSettings]] = [(f"{workload_path}.service_account", service_account)]
    accounts += [
        (f"{workload_path}.more_service_accounts[{index}].name", account)
        for index, account in list_items(workload, "more_service_accounts")
    ]
    for path, account in accounts:
        identity = ("service account of a namespace", cluster, account.get("namespace"), account.get("name"))
        yield path, account.get("name"), identity
    role_name = workload.get("role_name")
    yield f"{workload_path}.role_name", role_name, ("IAM role of the account", role_name)
