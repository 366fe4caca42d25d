"""Typed settings of an environment: validates `Pulumi.<stack>.yaml` and reports all problems at once."""

from stacks.settings.environment import (
    AccessSettings,
    AddonSettings,
    ClusterSettings,
    DefaultSettings,
    MigrationSettings,
    PodSettings,
    PrincipalSettings,
    Settings,
    WorkloadSettings,
)
from stacks.settings.loader import load, parse
from stacks.settings.profile import EnvironmentProfile

__all__ = [
    "AccessSettings",
    "AddonSettings",
    "ClusterSettings",
    "DefaultSettings",
    "EnvironmentProfile",
    "MigrationSettings",
    "PodSettings",
    "PrincipalSettings",
    "Settings",
    "WorkloadSettings",
    "load",
    "parse",
]
