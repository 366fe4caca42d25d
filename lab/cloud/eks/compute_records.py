"""The mutable records of node groups and Fargate profiles. The other records are in `records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.cloud.eks.records import now


@dataclass
class NodegroupRecord:
    """A managed node group. `settings` are the members that the API returns unchanged."""

    cluster_name: str
    name: str
    arn: str
    node_role_arn: str
    scaling: dict[str, int]
    hop_limit: int
    labels: dict[str, str]
    taints: list[dict[str, str]]
    tags: dict[str, str]
    settings: dict[str, Any]
    status: str = "CREATING"
    issues: list[dict[str, Any]] = field(default_factory=list)
    created_at: datetime = field(default_factory=now)
    modified_at: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        return {
            **self.settings,
            "nodegroupName": self.name,
            "nodegroupArn": self.arn,
            "clusterName": self.cluster_name,
            "createdAt": self.created_at,
            "modifiedAt": self.modified_at,
            "status": self.status,
            "scalingConfig": dict(self.scaling),
            "nodeRole": self.node_role_arn,
            "labels": dict(self.labels),
            "taints": [dict(taint) for taint in self.taints],
            "health": {"issues": list(self.issues)},
            "tags": dict(self.tags),
        }


@dataclass
class FargateProfileRecord:
    """A Fargate profile. The lab runs no Fargate pods."""

    cluster_name: str
    name: str
    arn: str
    role_arn: str
    subnets: list[str]
    selectors: list[dict[str, Any]]
    tags: dict[str, str]
    status: str = "CREATING"
    created_at: datetime = field(default_factory=now)

    def describe(self) -> dict[str, Any]:
        return {
            "fargateProfileName": self.name,
            "fargateProfileArn": self.arn,
            "clusterName": self.cluster_name,
            "createdAt": self.created_at,
            "podExecutionRoleArn": self.role_arn,
            "subnets": list(self.subnets),
            "selectors": [dict(selector) for selector in self.selectors],
            "status": self.status,
            "tags": dict(self.tags),
            "health": {"issues": []},
        }
