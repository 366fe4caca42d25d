"""Everything that an environment says: the settings under the project's name in `Pulumi.<stack>.yaml`."""

from __future__ import annotations

from pydantic import Field

from eks_identity.model.policy_templates.policies import entry_of_addon
from stacks.settings.access import AccessMethod, AccessSettings
from stacks.settings.clusters import AddonSettings, ClusterSettings
from stacks.settings.models_from_args import Model
from stacks.settings.workloads import Mode, WorkloadSettings


class DefaultSettings(Model):
    """What holds in the whole environment where an entry says nothing else."""

    mode: Mode = "irsa"
    """How service accounts get their roles."""
    access_method: AccessMethod = "access-entry"
    """How people get in."""
    permissions_boundary: str | None = None
    """The managed policy that bounds every IAM role made here: its ARN, or its name in the environment's account."""
    path: str | None = None
    """The path of every IAM role made here: `/` or `/team/`."""
    role_name_prefix: str | None = None
    """What the name of every IAM role made here begins with; the entry's key and a suffix of Pulumi's follow."""


class Settings(Model):
    """Everything that an environment says."""

    account: str = Field(pattern=r"^\d{12}$")
    """The AWS account that the environment is in, 12 digits in quotes; it is refused in any other."""
    clusters: dict[str, ClusterSettings] = Field(min_length=1)
    """The clusters, by the names that people and workloads refer to."""
    access: dict[str, AccessSettings] = Field(default_factory=dict)
    """Who may do what in which cluster, by a name for each access."""
    workloads: dict[str, WorkloadSettings] = Field(default_factory=dict)
    """Which service accounts may do what in AWS, by a name for each."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags of everything in AWS that is made here; an entry's own tags come on top."""
    defaults: DefaultSettings = Field(default_factory=DefaultSettings)
    """What holds where an entry says nothing else."""

    def mode_of(self, workload: WorkloadSettings) -> Mode:
        return workload.mode or self.defaults.mode

    def needs_provider(self, cluster: str) -> bool:
        """Whether anything in the cluster gets its role by the account's OIDC provider."""
        there = [workload for workload in self.workloads.values() if workload.cluster == cluster]
        addons = self.clusters[cluster].addons.items()
        return any(workload.needs_provider(self.mode_of(workload)) for workload in there) or any(
            addon.needs_provider(self.mode_of_addon(name, addon)) for name, addon in addons
        )

    def mode_of_addon(self, name: str, addon: AddonSettings) -> str:
        return addon.mode or (self.defaults.mode if entry_of_addon(name) else "none")
