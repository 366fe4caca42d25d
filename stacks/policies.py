"""What an environment can demand of its settings. Each demand reads as its name in `EnvironmentProfile(demands=…)`.

They look at the settings as they were written, with the environment's own defaults below, so that they are said
together with everything else that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity import Problem
from stacks.settings.profile import Demand
from stacks.settings.raw import RawSettings, default, entries, section


def account(number: str) -> Demand:
    """One account and no other."""

    def demand(given: RawSettings) -> Iterator[Problem]:
        if given.get("account") != number:
            yield Problem(
                "account", f"this environment is in account {number}", given.get("account"), f"write {number}"
            )

    return demand


def access_entries_only(given: RawSettings) -> Iterator[Problem]:
    """Nobody comes in by aws-auth, and no cluster reads it."""
    for key, access in entries(given, "access").items():
        if (access_method := default(given, access, "access_method", "access-entry")) != "access-entry":
            rule = "people come in by access entries alone in this environment"
            yield Problem(f"access.{key}.access_method", rule, access_method, "write access-entry, or leave it out")
    for where, options in _new_clusters(given):
        if (mode := options.get("authentication_mode")) != "API":
            rule = "clusters of this environment read access entries alone"
            yield Problem(f"{where}.authentication_mode", rule, mode, "write API, or leave it out")


def private_endpoints(given: RawSettings) -> Iterator[Problem]:
    """New clusters answer inside their network alone."""
    for where, options in _new_clusters(given):
        for option, wanted in (("endpoint_private_access", True), ("endpoint_public_access", False)):
            if (said := options.get(option)) is not wanted:
                rule = "clusters of this environment answer inside their network alone"
                yield Problem(f"{where}.{option}", rule, said, f"write {str(wanted).lower()}, or leave it out")


def bounded_roles(given: RawSettings) -> Iterator[Problem]:
    """Every IAM role has a permissions boundary."""
    if "permissions_boundary" not in section(given, "defaults"):
        rule = "every IAM role of this environment has a permissions boundary"
        yield Problem("defaults.permissions_boundary", rule, None, "name the managed policy that bounds them")


def protected_clusters(given: RawSettings) -> Iterator[Problem]:
    """New clusters are deleted neither by Pulumi nor by EKS."""
    for key, cluster in entries(given, "clusters").items():
        if "create" in cluster and cluster.get("protect") is not True:
            rule = "clusters of this environment are protected"
            fix = "leave it out; to delete one, see `pulumi state unprotect`"
            yield Problem(f"clusters.{key}.protect", rule, cluster.get("protect"), fix)
    for where, options in _new_clusters(given):
        if options.get("deletion_protection") is not True:
            rule = "EKS itself refuses to delete clusters of this environment"
            value = options.get("deletion_protection")
            yield Problem(f"{where}.deletion_protection", rule, value, "write true, or leave it out")


def _new_clusters(given: RawSettings) -> Iterator[tuple[str, RawSettings]]:
    for key, cluster in entries(given, "clusters").items():
        if "create" in cluster:
            yield f"clusters.{key}.create", section(cluster, "create")
