"""Existing Pod Identity associations, as EKS describes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Association:
    """A Pod Identity association, from DescribePodIdentityAssociation."""

    cluster: str
    """The cluster's name."""
    id: str
    role_arn: str
    target_role_arn: str | None = None
    owner_arn: str | None = None
    """ARN of the owner that manages it, mostly an add-on."""

    @property
    def addon(self) -> str:
        """Name of the add-on that owns it; empty without one."""
        kind, _, rest = (self.owner_arn or "").rpartition(":")[2].partition("/")
        return rest.split("/")[1] if kind == "addon" else ""

    @property
    def pods_get(self) -> str:
        """ARN of the role whose credentials pods get."""
        return self.target_role_arn or self.role_arn

    def __str__(self) -> str:
        owner = f", owned by the add-on {self.addon}" if self.addon else ""
        target = f" with target role {self.target_role_arn}" if self.target_role_arn else ""
        return f"{self.id} of {self.cluster} gives its pods {self.role_arn}{target}{owner}"
