"""Policies that an environment enforces on its settings: `EnvironmentProfile(policies=…)`.

Policies check the settings as written, with the environment's defaults applied, so that their problems are reported
together with all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eks_identity import Problem
from stacks.settings.profile import RawSettings, SettingsPolicy, mapping_entries, section, value_or_default


def require_account(account: str) -> SettingsPolicy:
    """Return a policy that allows only `account`."""

    def policy(settings: RawSettings) -> Iterator[Problem]:
        if settings.get("account") != account:
            rule = f"must be {account} in this environment"
            yield Problem("account", rule, settings.get("account"), f'set "{account}", in quotes')

    return policy


def require_access_entries(settings: RawSettings) -> Iterator[Problem]:
    """Allow only access entries: no aws-auth mappings, and authentication mode `API` for new clusters."""
    for key, access in mapping_entries(settings, "access").items():
        method = value_or_default(settings, access, "access_method", "access-entry")
        if method != "access-entry":
            rule = "must be access-entry in this environment"
            yield Problem(f"access.{key}.access_method", rule, method, "set access-entry, or remove the key")
    yield from _require_options(settings, {"authentication_mode": "API"})


def require_private_endpoints(settings: RawSettings) -> Iterator[Problem]:
    """Allow only a private endpoint for new clusters."""
    yield from _require_options(settings, {"endpoint_private_access": True, "endpoint_public_access": False})


def require_permissions_boundary(settings: RawSettings) -> Iterator[Problem]:
    """Require a permissions boundary for every IAM role."""
    if "permissions_boundary" not in section(settings, "defaults"):
        rule = "must be set: every IAM role of this environment has a permissions boundary"
        yield Problem("defaults.permissions_boundary", rule, None, "set the name or ARN of a managed policy")


def require_deletion_protection(settings: RawSettings) -> Iterator[Problem]:
    """Require that Pulumi and EKS protect new clusters from deletion."""
    for key, cluster in mapping_entries(settings, "clusters").items():
        if "create" in cluster and cluster.get("protect") is not True:
            rule = "must be true in this environment"
            fix = "remove the key; to delete the cluster, run `pulumi state unprotect` first"
            yield Problem(f"clusters.{key}.protect", rule, cluster.get("protect"), fix)
    yield from _require_options(settings, {"deletion_protection": True})


def _require_options(settings: RawSettings, required: Mapping[str, str | bool]) -> Iterator[Problem]:
    """Yield a problem for each option of a new cluster whose value differs from the `required` one."""
    for key, cluster in mapping_entries(settings, "clusters").items():
        if "create" not in cluster:
            continue
        options = section(cluster, "create")
        for option, value in required.items():
            current = options.get(option)
            if type(current) is not type(value) or current != value:
                text = str(value).lower() if isinstance(value, bool) else value
                rule = f"must be {text} in this environment"
                yield Problem(f"clusters.{key}.create.{option}", rule, current, f"set {text}, or remove the key")
