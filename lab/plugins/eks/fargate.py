"""The Fargate profile of a cluster, as the official component makes one: by default for `default` and `kube-system`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Final

import pulumi

from lab.plugins.eks.children import ServiceRole
from lab.plugins.eks.resources import Resource, look_up_now

_SELECTORS: Final = [{"namespace": "default"}, {"namespace": "kube-system"}]
_RESERVED: Final = re.compile(r"eks(-|$)", re.IGNORECASE)
"""What EKS does not let the name of a profile begin with."""


def fargate_profile(  # noqa: PLR0917 - what the component has, in its own order
    name: str,
    arguments: Mapping[str, Any],
    cluster: Resource,
    subnet_ids: Any,
    partition: pulumi.Output[str],
    options: pulumi.ResourceOptions,
) -> Resource | None:
    """The profile that `fargate` asks for: True, or an object of settings. None where it asks for none."""
    wanted = arguments.get("fargate")
    if not wanted:
        return None
    parent = options.parent
    assert parent is not None, "a profile belongs to a component"
    settings = wanted if isinstance(wanted, Mapping) else {}
    role_arn = settings.get("podExecutionRoleArn")
    if role_arn is None:
        policies = ("AmazonEKSFargatePodExecutionRolePolicy",)
        made = ServiceRole(
            f"{name}-podExecutionRole",
            "eks-fargate-pods.amazonaws.com",
            policies,
            partition,
            parent,
            tags=arguments.get("tags"),
        )
        role_arn = made.ready("arn")

    async def private(ids: list[str]) -> list[str]:
        return await worker_subnets(ids, parent)

    chosen: pulumi.Output[list[str]] = pulumi.Output.from_input(settings.get("subnetIds") or subnet_ids)
    subnets: pulumi.Output[list[str]] = chosen.apply(private)
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
    """The private ones of the subnets, or all of them where none is: private is what has no route to a gateway."""
    private = [each for each in subnet_ids if not await _has_gateway(each, parent)]
    return private or subnet_ids


async def _has_gateway(subnet_id: str, parent: pulumi.Resource) -> bool:
    try:
        table = await look_up_now("aws:ec2/getRouteTable:getRouteTable", {"subnetId": subnet_id}, parent)
    except Exception:  # noqa: BLE001 - Pulumi raises no narrower one where a function fails
        # A subnet without a table of its own has the main one of its VPC.
        subnet = await look_up_now("aws:ec2/getSubnet:getSubnet", {"id": subnet_id}, parent)
        asked = {"vpcId": subnet["vpcId"], "filters": [{"name": "association.main", "values": ["true"]}]}
        table = await look_up_now("aws:ec2/getRouteTable:getRouteTable", asked, parent)
    return any(
        route.get("gatewayId") and not (route.get("cidrBlock") and ip_network(route["cidrBlock"]).is_private)
        for route in table["routes"]
    )
