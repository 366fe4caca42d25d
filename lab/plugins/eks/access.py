"""Cluster access: the aws-auth ConfigMap, and access entries with their access policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab import yaml_text
from lab.plugins.eks.resources import Resource

_NODE: Final = {
    "username": "system:node:{{EC2PrivateDNSName}}",
    "groups": ["system:bootstrappers", "system:nodes"],
}


def aws_auth_data(
    instance_role_arns: pulumi.Input[list[Any]], role_mappings: Any, user_mappings: Any
) -> dict[str, pulumi.Output[str]]:
    """Return the data of aws-auth: role mappings and the nodes' roles, and `mapUsers` if there are user mappings."""

    def roles(resolved: Mapping[str, Any]) -> str:
        nodes = [{"roleArn": arn, **_NODE} for arn in resolved["nodes"]]
        return _yaml([*(resolved["mappings"] or ()), *nodes], "rolearn", "roleArn")

    role_inputs = {"mappings": role_mappings, "nodes": instance_role_arns}
    data: dict[str, pulumi.Output[str]] = {"mapRoles": pulumi.Output.from_input(role_inputs).apply(roles)}
    if user_mappings is not None:
        data["mapUsers"] = pulumi.Output.from_input(user_mappings).apply(
            lambda mappings: _yaml(mappings, "userarn", "userArn"),
        )
    return data


def _yaml(mappings: list[dict[str, Any]], member: str, name: str) -> str:
    entries = [
        {member: mapping[name], "username": mapping["username"], "groups": mapping["groups"]} for mapping in mappings
    ]
    return yaml_text.dump(entries)


def access_entries(
    prefix: str, cluster: Resource, entries: Mapping[str, Mapping[str, Any]], parent: pulumi.Resource
) -> list[Resource]:
    """Register an access entry for each of `entries`, with its access policy associations as children."""
    resources = []
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
        resources.append(resource)
    return resources


def _associate(name: str, cluster: Resource, principal: Any, association: Any, entry: Resource) -> None:
    resolved = pulumi.Output.from_input(association)
    inputs = {
        "clusterName": cluster.output("name"),
        "principalArn": principal,
        "policyArn": resolved["policyArn"],
        "accessScope": resolved["accessScope"],
    }
    options = pulumi.ResourceOptions(parent=entry, depends_on=[entry])
    Resource("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", name, inputs, options)
