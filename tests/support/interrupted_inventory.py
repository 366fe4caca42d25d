"""Identity resources of one cluster with their contents, by the vendors' clients, to compare two updates of a stack."""

from __future__ import annotations

import json
from typing import Any

import yaml

from lab.principals import client
from lab.scenarios.clients import LabClients
from support.lab_inventory import KINDS

_CONTENTS = ("rules", "subjects", "roleRef")


def describe(clients: LabClients, cluster: str) -> dict[str, Any]:
    """Return what grants access to the cluster, its workloads' identity, and the roles whose names begin with its name.

    Lists whose order is that of the writes are sorted.
    """
    return {
        "entries": [_entry(clients, cluster, arn) for arn in list_entries(clients, cluster)],
        "associations": list_associations(clients, cluster),
        "all roles": [role["Arn"] for role in _roles(clients)],
        "roles": [_role(clients, role) for role in _roles(clients) if role["RoleName"].startswith(f"{cluster}-")],
        **describe_objects(clients, cluster),
    }


def list_entries(clients: LabClients, cluster: str) -> list[str]:
    """Return the ARNs of the principals with an access entry."""
    return sorted(client(clients.home, "eks").list_access_entries(clusterName=cluster)["accessEntries"])


def list_associations(clients: LabClients, cluster: str) -> list[tuple[str, str, str]]:
    """Return namespace, service account and role of each Pod Identity association."""
    eks = client(clients.home, "eks")
    listed = eks.list_pod_identity_associations(clusterName=cluster)["associations"]
    ids = [each["associationId"] for each in listed]
    described = [
        eks.describe_pod_identity_association(clusterName=cluster, associationId=each)["association"] for each in ids
    ]
    return sorted((each["namespace"], each["serviceAccount"], each["roleArn"]) for each in described)


def list_access_policies(clients: LabClients, cluster: str, principal: str) -> list[dict[str, Any]]:
    """Return policy and scope of each access policy of a principal; none if it has no access entry."""
    eks = client(clients.home, "eks")
    try:
        listed = eks.list_associated_access_policies(clusterName=cluster, principalArn=principal)
    except eks.exceptions.ResourceNotFoundException:
        return []
    return sorted(
        ({"policy": each["policyArn"], "scope": each["accessScope"]} for each in listed["associatedAccessPolicies"]),
        key=str,
    )


def list_attachments(clients: LabClients, role: str) -> list[str]:
    """Return the ARNs of a role's managed policies; none if there is no such role."""
    iam = client(clients.home, "iam")
    try:
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    except iam.exceptions.NoSuchEntityException:
        return []
    return sorted(policy["PolicyArn"] for policy in attached)


def describe_objects(clients: LabClients, cluster: str) -> dict[str, Any]:
    """Return the Kubernetes objects with their rules, subjects and annotations, and the entries of aws-auth."""
    listed = clients.operate(cluster, "get", f"{KINDS},configmaps", "--all-namespaces", "-o", "json")
    assert listed.worked, listed.stderr
    items = {_name(item): item for item in json.loads(listed.stdout)["items"]}
    mapped = items.get("ConfigMap kube-system/aws-auth", {}).get("data") or {}
    entries = {key: sorted(yaml.safe_load(text) or [], key=str) for key, text in mapped.items()}
    return {
        "objects": {name: _content(item) for name, item in sorted(items.items()) if item["kind"] != "ConfigMap"},
        "aws-auth": {key: listed for key, listed in entries.items() if listed},
    }


def _entry(clients: LabClients, cluster: str, arn: str) -> dict[str, Any]:
    described = client(clients.home, "eks").describe_access_entry(clusterName=cluster, principalArn=arn)["accessEntry"]
    fields = {key: described[key] for key in ("principalArn", "username", "type", "kubernetesGroups", "tags")}
    return fields | {"policies": list_access_policies(clients, cluster, arn)}


def _roles(clients: LabClients) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = client(clients.home, "iam").list_roles()["Roles"]
    return sorted(listed, key=lambda role: str(role["Arn"]))


def _role(clients: LabClients, role: dict[str, Any]) -> dict[str, Any]:
    trust = role["AssumeRolePolicyDocument"]
    return {"name": role["RoleName"], "trust": trust, "policies": list_attachments(clients, role["RoleName"])}


def _name(item: dict[str, Any]) -> str:
    return f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _content(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in _CONTENTS if key in item} | {
        "annotations": item["metadata"].get("annotations", {})
    }
