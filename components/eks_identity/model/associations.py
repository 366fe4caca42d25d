"""Pod Identity associations that are there, whoever made them, as EKS describes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Association:
    """What DescribePodIdentityAssociation says of one."""

    cluster: str
    """The cluster's name."""
    id: str
    role_arn: str
    target_role_arn: str | None = None
    owner_arn: str | None = None
    """The ARN of what made it and keeps it: an add-on's, mostly."""

    @property
    def addon(self) -> str:
        """The name of the add-on that owns it; empty where none does."""
        kind, _, rest = (self.owner_arn or "").rpartition(":")[2].partition("/")
        return rest.split("/")[1] if kind == "addon" else ""

    @property
    def pods_get(self) -> str:
        """The role whose credentials pods get by it."""
        return self.target_role_arn or self.role_arn

    def __str__(self) -> str:
        owner = f", owned by the add-on {self.addon}" if self.addon else ""
        target = f" and from there {self.target_role_arn}" if self.target_role_arn else ""
        return f"{self.id} of {self.cluster} gives its pods {self.role_arn}{target}{owner}"
