"""What an environment says, typed: the settings in `Pulumi.<stack>.yaml`, read whole and refused whole."""

from stacks.settings.access import AccessSettings, PrincipalSettings
from stacks.settings.clusters import AddonSettings, ClusterSettings, MigrationSettings
from stacks.settings.environment import DefaultSettings, Settings
from stacks.settings.pods import PodSettings
from stacks.settings.reading import parse, read
from stacks.settings.rules import Rules
from stacks.settings.workloads import WorkloadSettings

__all__ = [
    "AccessSettings",
    "AddonSettings",
    "ClusterSettings",
    "DefaultSettings",
    "MigrationSettings",
    "PodSettings",
    "PrincipalSettings",
    "Rules",
    "Settings",
    "WorkloadSettings",
    "parse",
    "read",
]
