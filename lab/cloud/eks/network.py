"""What EKS looks up in EC2: the subnets of a cluster or node group, and the launch template of a node group."""

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
"""The hop limit of IMDS answers that EKS gives to nodes whose launch template names none."""


@dataclass(frozen=True)
class LaunchTemplate:
    """A launch template version: `specification` as EKS gives it back, and how far IMDS answers travel."""

    specification: dict[str, str]
    hop_limit: int


def vpc_of(account: str, region: str, subnet_ids: Sequence[str], *, zones: int = 1) -> str:
    """The VPC of the subnets; refused where one is missing, or they span too few zones or several VPCs."""
    known = {subnet.id: subnet for subnet in ec2_backends[account][region].describe_subnets()}
    missing = [subnet_id for subnet_id in subnet_ids if subnet_id not in known]
    if missing:
        raise errors.InvalidParameterException(f"The subnet ID '{missing[0]}' does not exist")
    subnets = [known[subnet_id] for subnet_id in subnet_ids]
    if len({subnet.availability_zone for subnet in subnets}) < zones:
        raise errors.InvalidParameterException(f"Subnets specified must be in at least {zones} different AZs")
    vpcs = {subnet.vpc_id for subnet in subnets}
    if len(vpcs) != 1:
        raise errors.InvalidParameterException(f"Subnets must be in one VPC, not in {', '.join(sorted(vpcs))}")
    return str(vpcs.pop())


def check_endpoints(vpc_config: Mapping[str, Any]) -> None:
    """Refuse an API server that nobody could reach."""
    if not vpc_config.get("endpointPublicAccess", True) and not vpc_config.get("endpointPrivateAccess", False):
        raise errors.InvalidParameterException("Private and public endpoint access cannot be false")


def launch_template(account: str, region: str, wanted: dict[str, Any]) -> LaunchTemplate:
    """The launch template that a node group names by id or by name, at its version or the default one."""
    if ("id" in wanted) == ("name" in wanted):
        raise errors.InvalidParameterException(
            "You must specify either the launch template ID or the launch template name"
        )
    by = {"template_ids": [wanted["id"]]} if "id" in wanted else {"template_names": [wanted["name"]]}
    try:
        template = ec2_backends[account][region].describe_launch_templates(**by)[0]
        version = template.get_version(wanted.get("version", "$Default"))
    except (ServiceException, LookupError, ValueError) as error:
        message = f"Launch template details can't be found: {wanted.get('id') or wanted['name']}"
        raise errors.InvalidParameterException(message) from error
    options = version.data.get("MetadataOptions") or {}
    specification = {"id": template.id, "name": template.name, "version": str(version.number)}
    return LaunchTemplate(specification, int(options.get("HttpPutResponseHopLimit", DEFAULT_HOP_LIMIT)))


def create_cluster_security_group(account: str, region: str, vpc_id: str, cluster_name: str) -> str:
    """The security group that EKS makes for a cluster and its nodes; gives its id."""
    suffix = secrets.randbelow(10**9)
    group = ec2_backends[account][region].create_security_group(
        name=f"eks-cluster-sg-{cluster_name}-{suffix}",
        description="EKS created security group applied to ENI that is attached to EKS Control Plane master nodes",
        vpc_id=vpc_id,
        tags={f"kubernetes.io/cluster/{cluster_name}": "owned", "aws:eks:cluster-name": cluster_name},
    )
    return str(group.id)


def delete_cluster_security_group(account: str, region: str, group_id: str) -> None:
    """Take the cluster's security group away, unless something else has come to depend on it."""
    with contextlib.suppress(ServiceException):
        ec2_backends[account][region].delete_security_group(group_id=group_id)
