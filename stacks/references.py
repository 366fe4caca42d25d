"""How the settings of an environment belong together: what they refer to is there, and nothing is declared twice.

Two declarations of one object are not refused by anybody else before it is too late: server-side apply lets the last
one win, IAM and EKS refuse the second one in the middle of an update. All of it is looked at in plain values, so that
it is said together with what else is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from eks_identity import Problem

Entry = Mapping[str, Any]


def problems(given: Mapping[str, Any], name: Callable[[str], str]) -> Iterator[Problem]:
    """What does not belong together; `name` says where a key is written. Entries of a wrong shape are passed over."""
    yield from _unknown_clusters(given, name)
    yield from _missing_providers(given, name)
    yield from _twice(given, name)


def _unknown_clusters(given: Mapping[str, Any], name: Callable[[str], str]) -> Iterator[Problem]:
    if not (clusters := _entries(given, "clusters")):
        return
    known = ", ".join(clusters)
    for kind in ("people", "workloads"):
        for key, entry in _entries(given, kind).items():
            cluster = entry.get("cluster")
            if isinstance(cluster, str) and cluster not in clusters:
                rule = f"one of clusters: {known}"
                yield Problem(name(f"{kind}.{key}.cluster"), rule, cluster, f"write one of {known}, or add it there")


def _missing_providers(given: Mapping[str, Any], name: Callable[[str], str]) -> Iterator[Problem]:
    clusters = _entries(given, "clusters")
    for key, workload in _entries(given, "workloads").items():
        cluster = workload.get("cluster")
        without = isinstance(cluster, str) and clusters.get(cluster, {}).get("oidc_provider") == "none"
        if without and workload.get("mode", "irsa") == "irsa":
            rule = f"workloads.{key} has mode irsa, which needs the OIDC provider of {cluster}"
            where = f"clusters.{cluster}.oidc_provider"
            yield Problem(name(where), rule, "none", f"set {where} to create or adopt")


def _twice(given: Mapping[str, Any], name: Callable[[str], str]) -> Iterator[Problem]:
    first: dict[tuple[object, ...], str] = {}
    for where, value, identity in _declared(given):
        if None in identity:
            continue
        there = first.setdefault(identity, where)
        if there != where:
            yield Problem(name(where), f"one {identity[0]}, declared once", value, f"take out this one, or {there}")


def _declared(given: Mapping[str, Any]) -> Iterator[tuple[str, object, tuple[object, ...]]]:
    """Where each object is named, as what, and what makes it the same object as another one."""
    for key, access in _entries(given, "people").items():
        here, cluster = f"people.{key}", access.get("cluster")
        role = access.get("role") if isinstance(access.get("role"), Mapping) else None
        if role is not None:
            kind, title = role.get("kind", "ClusterRole"), role.get("name")
            scope = (cluster, kind, role.get("namespace") or "")
            yield f"{here}.role.name", title, (f"{kind} of a cluster", *scope, title)
            binding = access.get("binding_name", f"{title}-binding")
            yield f"{here}.binding_name", binding, ("binding of a cluster", *scope, binding)
        principals = access.get("principals")
        for index, principal in enumerate(principals if isinstance(principals, list) else ()):
            if isinstance(principal, Mapping):
                named = next(((word, principal[word]) for word in ("user", "role", "arn") if word in principal), None)
                if named and isinstance(named[1], str):
                    same = ("principal of a cluster", cluster, named[0], named[1].lower())
                    yield f"{here}.principals[{index}].{named[0]}", named[1], same
    for key, workload in _entries(given, "workloads").items():
        here, account = f"workloads.{key}", workload.get("service_account")
        place = (workload.get("cluster"), workload.get("namespace"))
        yield f"{here}.service_account", account, ("service account of a namespace", *place, account)
        role_name = workload.get("role_name")
        yield f"{here}.role_name", role_name, ("IAM role of the account", role_name)


def _entries(given: Mapping[str, Any], kind: str) -> dict[str, Entry]:
    entries = given.get(kind)
    if not isinstance(entries, Mapping):
        return {}
    return {str(key): entry for key, entry in entries.items() if isinstance(entry, Mapping)}
