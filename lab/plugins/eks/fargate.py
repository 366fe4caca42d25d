"""The Fargate profile of a cluster, as in the official component: by default for `default` and `kube-system`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

import pulumi

from lab.plugins.eks.children import ServiceRole
from lab.plugins.eks.resources import Resource, invoke_async

_SELECTORS: Final = [{"namespace": "default"}, {"namespace": "kube-system"}]
_RESERVED: Final = re.compile(r"eks(-|$)", re.IGNORECASE)
"""The prefix that EKS reserves in names of profiles."""


def fargate_profile(  # noqa: PLR0917 - the component's own values
    name: str,
    arguments: Mapping[str, Any],
    cluster: Resource,
    subnet_ids: Any,
    partition: pulumi.Output[str],
    options: pulumi.ResourceOptions,
) -> Resource | None:
    """Register the profile for the argument `fargate`: True, or an object of settings. Return None without it."""
    option = arguments.get("fargate")
    if not option:
        return None
    parent = options.parent
    assert parent is not None, "a profile belongs to a component"
    settings = option if isinstance(option, Mapping) else {}
    role_arn = settings.get("podExecutionRoleArn")
    if role_arn is None:
        policies = ("AmazonEKSFargatePodExecutionRolePolicy",)
        service_role = ServiceRole(
            f"{name}-podExecutionRole",
            "eks-fargate-pods.amazonaws.com",
            policies,
            partition,
            parent,
            tags=arguments.get("tags"),
        )
        role_arn = service_role.ready("arn")

    async def private(ids: list[str]) -> list[str]:
        return await worker_subnets(ids, parent)

    candidates: pulumi.Output[list[str]] = pulumi.Output.from_input(settings.get("subnetIds") or subnet_ids)
    subnets: pulumi.Output[list[str]] = candidates.apply(private)
    inputs = {
        "clusterName": cluster.output("name"),
        "podExecutionRoleArn": role_arn,
        "selectors": settings.get("selectors") or _SELECTORS,
        "subnetIds": subnets,
    }
    return Resource("aws:eks/fargateProfile:FargateProfile", _profile_name(name), inputs, options)


def _profile_name(name: str) -> str:
    if _RESERVED.match(name):
        return f"{name.replace('-', '_', 1)}fargateProfile"
    return f"{name}-fargateProfile"


async def worker_subnets(subnet_ids: list[str], parent: pulumi.Resource) -> list[str]:
    """Return the private subnets, which have no route to a gateway, or all subnets if none is private."""
    private = [subnet_id for subnet_id in subnet_ids if not await _has_gateway(subnet_id, parent)]
    return private or subnet_ids


async def _has_gateway(subnet_id: str, parent: pulumi.Resource) -> bool:
    try:
        table = await invoke_async("aws:ec2/getRouteTable:getRouteTable", {"subnetId": subnet_id}, parent)
    except Exception:  # noqa: BLE001 - Pulumi raises no narrower exception
        # A subnet without a route table uses the main one of its VPC.
        subnet = await invoke_async("aws:ec2/getSubnet:getSubnet", {"id": subnet_id}, parent)
        query = {"vpcId": subnet["vpcId"], "filters": [{"name": "association.main", "values": ["true"]}]}
        table = await invoke_async("aws:ec2/getRouteTable:getRouteTable", query, parent)
    return any(
        route.get("gatewayId") and not (route.get("cidrBlock") and ip_network(route["cidrBlock"]).is_private)
        for route in table["routes"]
    )
