"""What EC2 does for an instance beside its API: assume the instance's role for it."""

from __future__ import annotations

from lab.cloud import iam_lookup, identity
from lab.interfaces import Credentials

SESSION_DURATION = 21_600
"""Seconds; instance credentials live six hours."""


class Ec2InstanceRoles:
    """Implements `lab.interfaces.InstanceRoles`: the role must trust EC2, as for any service."""

    def credentials(self, role_arn: str, instance_id: str) -> Credentials:
        """Credentials for an instance of that role.

        Raises:
            PermissionError: the role is missing, or does not trust EC2.
        """
        _, partition = iam_lookup.account_of(role_arn)
        suffix = ".cn" if partition == "aws-cn" else ""
        return identity.service_session(
            role_arn, service=f"ec2.amazonaws.com{suffix}", session_name=instance_id, duration=SESSION_DURATION
        )
