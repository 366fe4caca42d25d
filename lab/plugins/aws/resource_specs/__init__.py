"""The resource specs of every type that the stand-in covers, by token."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from lab.plugins.aws.resource_specs import (
    ec2,
    eks,
    eks_access,
    eks_nodes,
    iam,
    iam_policies,
    iam_users,
    launch_template,
    network,
    s3,
)

TABLE: Final = MappingProxyType(
    {
        spec.type: spec
        for module in (iam, iam_policies, iam_users, eks, eks_nodes, eks_access, ec2, network, launch_template, s3)
        for spec in module.SPECS
    },
)
