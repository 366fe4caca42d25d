"""EC2 resources that EKS uses: subnets, launch templates of node groups, and the cluster security group."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends

from lab.cloud.eks import errors

DEFAULT_HOP_LIMIT = 2
"""Hop limit of IMDS responses that EKS sets for nodes if the launch template has none."""


@dataclass(frozen=True)
class LaunchTemplate:
    """A launch template version: `specification` as EKS returns it, and the hop limit of IMDS responses."""

    specification: dict[str, str]
    hop_limit: int


def vpc_of(account: str, region: str, subnet_ids: Sequence[str], *, zones: int = 1) -> str:
    """Return the VPC of the subnets.

    Raises:
        InvalidParameterException: a subnet does not exist, or the subnets are in fewer than `zones` availability zones
            or in several VPCs.
    """
    existing = {subnet.id: subnet for subnet in ec2_backends[account][region].describe_subnets()}
    missing = [subnet_id for subnet_id in subnet_ids if subnet_id not in existing]
    if missing:
        raise errors.InvalidParameterException(f"The subnet ID '{missing[0]}' does not exist")
    subnets = [existing[subnet_id] for subnet_id in subnet_ids]
    if len({subnet.availability_zone for subnet in subnets}) < zones:
        raise errors.InvalidParameterException(f"Subnets specified must be in at least {zones} different AZs")
    vpcs = {subnet.vpc_id for subnet in subnets}
    if len(vpcs) != 1:
        raise errors.InvalidParameterException(f"Subnets must be in one VPC, not in {', '.join(sorted(vpcs))}")
    return str(vpcs.pop())


def check_endpoints(vpc_config: Mapping[str, Any]) -> None:
    """Reject an API server without public and private endpoint access."""
    if not vpc_config.get("endpointPublicAccess", True) and not vpc_config.get("endpointPrivateAccess", False):
        raise errors.InvalidParameterException("Private and public endpoint access cannot be false")


def check_security_groups(account: str, region: str, vpc_config: Mapping[str, Any]) -> None:
    """Reject additional security groups that do not exist in this account and Region."""
    existing = {group.id for group in ec2_backends[account][region].describe_security_groups()}
    for group_id in vpc_config.get("securityGroupIds", []):
        if group_id not in existing:
            raise errors.InvalidParameterException(f"The security group ID '{group_id}' does not exist")


def find_launch_template(account: str, region: str, request: dict[str, Any]) -> LaunchTemplate:
    """Return the launch template with the request's id or name, in the request's version or the default version."""
    if ("id" in request) == ("name" in request):
        raise errors.InvalidParameterException(
            "You must specify either the launch template ID or the launch template name"
        )
    filters = {"template_ids": [request["id"]]} if "id" in request else {"template_names": [request["name"]]}
    try:
        template = ec2_backends[account][region].describe_launch_templates(**filters)[0]
        version = template.get_version(request.get("version", "$Default"))
    except (ServiceException, LookupError, ValueError) as error:
        message = f"Launch template details can't be found: {request.get('id') or request['name']}"
        raise errors.InvalidParameterException(message) from error
    options = version.data.get("MetadataOptions") or {}
    specification = {"id": template.id, "name": template.name, "version": str(version.number)}
    return LaunchTemplate(specification, int(options.get("HttpPutResponseHopLimit", DEFAULT_HOP_LIMIT)))


def create_cluster_security_group(account: str, region: str, vpc_id: str, cluster_name: str) -> str:
    """Create the cluster security group, which EKS creates for a cluster and its nodes, and return its id."""
    suffix = secrets.randbelow(10**9)
    group = ec2_backends[account][region].create_security_group(
        name=f"eks-cluster-sg-{cluster_name}-{suffix}",
        description="EKS created security group applied to ENI that is attached to EKS Control Plane master nodes",
        vpc_id=vpc_id,
        tags={f"kubernetes.io/cluster/{cluster_name}": "owned", "aws:eks:cluster-name": cluster_name},
    )
    return str(group.id)


def delete_cluster_security_group(account: str, region: str, group_id: str) -> None:
    """Delete the cluster security group, unless another resource depends on it."""
    with contextlib.suppress(ServiceException):
        ec2_backends[account][region].delete_security_group(group_id=group_id)
