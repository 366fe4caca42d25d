"""Who may enter the cluster: the aws-auth ConfigMap, and access entries with their policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import yaml

from lab.plugins.eks.resources import Resource

_NODE: Final = {
    "username": "system:node:{{EC2PrivateDNSName}}",
    "groups": ["system:bootstrappers", "system:nodes"],
}


def aws_auth_data(
    instance_role_arns: pulumi.Input[list[Any]], role_mappings: Any, user_mappings: Any
) -> dict[str, pulumi.Output[str]]:
    """The data of aws-auth: role mappings, then the nodes' roles; `mapUsers` only where there are user mappings."""

    def roles(known: Mapping[str, Any]) -> str:
        nodes = [{"roleArn": arn, **_NODE} for arn in known["nodes"]]
        return _yaml([*(known["mappings"] or ()), *nodes], "rolearn", "roleArn")

    asked = {"mappings": role_mappings, "nodes": instance_role_arns}
    data: dict[str, pulumi.Output[str]] = {"mapRoles": pulumi.Output.from_input(asked).apply(roles)}
    if user_mappings is not None:
        data["mapUsers"] = pulumi.Output.from_input(user_mappings).apply(
            lambda known: _yaml(known, "userarn", "userArn"),
        )
    return data


def _yaml(mappings: list[dict[str, Any]], member: str, name: str) -> str:
    entries = [{member: each[name], "username": each["username"], "groups": each["groups"]} for each in mappings]
    return yaml.safe_dump(entries, sort_keys=False)


def access_entries(
    prefix: str, cluster: Resource, entries: Mapping[str, Mapping[str, Any]], parent: pulumi.Resource
) -> list[Resource]:
    """An access entry for each of `entries`, with the associations of its access policies as children."""
    made = []
    for name, entry in entries.items():
        options = pulumi.ResourceOptions(parent=parent, depends_on=[cluster])
        inputs = {
            "clusterName": cluster.output("name"),
            "principalArn": entry["principalArn"],
            "kubernetesGroups": entry.get("kubernetesGroups"),
            "tags": entry.get("tags"),
            "type": entry.get("type"),
            "userName": entry.get("username"),
        }
        resource = Resource("aws:eks/accessEntry:AccessEntry", f"{prefix}-{name}", inputs, options)
        for policy_name, association in (entry.get("accessPolicies") or {}).items():
            _associate(f"{prefix}-{name}-{policy_name}", cluster, entry["principalArn"], association, resource)
        made.append(resource)
    return made


def _associate(name: str, cluster: Resource, principal: Any, association: Any, entry: Resource) -> None:
    wanted = pulumi.Output.from_input(association)
    inputs = {
        "clusterName": cluster.output("name"),
        "principalArn": principal,
        "policyArn": wanted["policyArn"],
        "accessScope": wanted["accessScope"],
    }
    options = pulumi.ResourceOptions(parent=entry, depends_on=[entry])
    Resource("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", name, inputs, options)
