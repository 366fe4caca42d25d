"""What an environment says, typed: the settings in `Pulumi.<stack>.yaml`, read whole and refused whole."""

from stacks.settings.access import AccessSettings, PrincipalSettings
from stacks.settings.clusters import AddonSettings, ClusterSettings, MigrationSettings
from stacks.settings.environment import DefaultSettings, Settings
from stacks.settings.loader import parse, read
from stacks.settings.pods import PodSettings
from stacks.settings.profile import EnvironmentProfile
from stacks.settings.workloads import WorkloadSettings

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
    "parse",
    "read",
]
