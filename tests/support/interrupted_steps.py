"""Types whose creation and deletion the tests interrupt, and how the vendors' clients see that it is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.interrupted_inventory import (
    describe_objects,
    list_access_policies,
    list_associations,
    list_attachments,
    list_entries,
)

IsDone = Callable[[LabClients, str, dict[str, Any]], bool]
"""Called with the clients, the cluster and the inputs of a resource: whether the resource exists."""


def _has_object(kind: str) -> IsDone:
    def has_object(clients: LabClients, cluster: str, inputs: dict[str, Any]) -> bool:
        name = f"{kind} {inputs['metadata']['namespace']}/{inputs['metadata']['name']}"
        return name in describe_objects(clients, cluster)["objects"]

    return has_object


def _has_entry(clients: LabClients, cluster: str, inputs: dict[str, Any]) -> bool:
    return inputs["principalArn"] in list_entries(clients, cluster)


def _has_access_policy(clients: LabClients, cluster: str, inputs: dict[str, Any]) -> bool:
    listed = list_access_policies(clients, cluster, inputs["principalArn"])
    return inputs["policyArn"] in [each["policy"] for each in listed]


def _has_association(clients: LabClients, cluster: str, inputs: dict[str, Any]) -> bool:
    return inputs["serviceAccount"] in [account for _, account, _ in list_associations(clients, cluster)]


def _has_role(clients: LabClients, _cluster: str, inputs: dict[str, Any]) -> bool:
    return inputs["name"] in [role["RoleName"] for role in client(clients.home, "iam").list_roles()["Roles"]]


def _has_attachment(clients: LabClients, _cluster: str, inputs: dict[str, Any]) -> bool:
    return inputs["policyArn"] in list_attachments(clients, inputs["role"])


def _has_mapping(clients: LabClients, cluster: str, inputs: dict[str, Any]) -> bool:
    return inputs["arn"] in str(describe_objects(clients, cluster)["aws-auth"])


STEPS: dict[str, IsDone] = {
    "aws:eks/accessEntry:AccessEntry": _has_entry,
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _has_access_policy,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _has_association,
    "aws:iam/role:Role": _has_role,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _has_attachment,
    "kubernetes:core/v1:ServiceAccount": _has_object("ServiceAccount"),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": _has_object("RoleBinding"),
    "pulumi-python:dynamic/eks-identity:AwsAuthMapping": _has_mapping,
}
"""Types of which each revision of `interrupted_program.py` creates and deletes one."""
