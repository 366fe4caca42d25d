"""The table: every type that the stand-in covers, by its token."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from lab.plugins.aws.resource_specs import ec2, eks, eks_access, iam, iam_users, launch_template, network, s3

TABLE: Final = MappingProxyType(
    {
        row.type: row
        for module in (iam, iam_users, eks, eks_access, ec2, network, launch_template, s3)
        for row in module.ROWS
    },
)
