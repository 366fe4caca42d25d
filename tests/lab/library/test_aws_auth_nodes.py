"""Node roles in aws-auth, for self-managed nodes and Karpenter, verified with aws-iam-authenticator."""

from __future__ import annotations

from typing import Any

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import ConfigMap

from eks_identity.access.aws_auth_mapping import AwsAuthMappingProvider
from eks_identity.errors import InvalidInput
from support.lone_authenticator import ACCOUNT, PRIVATE_DNS_NAME, Principal

ROLE = f"arn:aws:iam::{ACCOUNT}:role/karpenter"
NODE = Principal(ROLE, "i-0123456789abcdef0")
BY_EKS = f"""\
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: {ROLE}
  username: system:node:{{{{EC2PrivateDNSName}}}} # EKS
"""


def checked(kubeconfig: str, **inputs: Any) -> dict[str, Any]:
    """Return the inputs of a mapping after the provider's check."""
    result = AwsAuthMappingProvider().check({}, {"kubeconfig": kubeconfig, "arn": ROLE, "type": "EC2_LINUX", **inputs})
    assert result.failures == []
    return result.inputs


def entries(client: Client) -> str:
    return (client.get(ConfigMap, "aws-auth", namespace="kube-system").data or {}).get("mapRoles", "")


@pytest.mark.parametrize(
    ("kind", "name", "more"),
    [
        ("EC2_LINUX", PRIVATE_DNS_NAME, ()),
        ("EC2_WINDOWS", PRIVATE_DNS_NAME, ("eks:kube-proxy-windows",)),
        ("FARGATE_LINUX", NODE.session, ("system:node-proxier",)),
        ("HYBRID_LINUX", NODE.session, ()),
    ],
)
def test_node_mapping_authenticates_nodes(client, api_server, authenticator, kind, name, more):
    """A session of a role with a path has username system:node:<name> and the groups of its type."""
    with_path = ROLE.replace("role/", "role/team/x/")
    AwsAuthMappingProvider().create(checked(api_server, arn=with_path, type=kind))
    expected = (f"system:node:{name}", ("system:bootstrappers", "system:nodes", *more))
    authenticator.wait_for(NODE, expected)
    assert authenticator.user(NODE) == expected


def test_node_mapping_adopts_an_equal_entry_unchanged(client, api_server):
    """Without adopt an equal entry is rejected; with it nothing is written, and a deletion leaves the nodes' entry."""
    provider = AwsAuthMappingProvider()
    client.create(ConfigMap.from_dict({"metadata": METADATA, "data": {"mapRoles": BY_EKS}}))
    (failure,) = provider.check({}, {"kubeconfig": api_server, "arn": ROLE, "type": "EC2_LINUX"}).failures
    assert "set adopt to True" in failure.reason
    created = provider.create(checked(api_server, adopt=True))
    assert entries(client) == BY_EKS
    provider.delete(created.id, created.outs)
    assert entries(client) == BY_EKS


def test_node_mapping_never_removes_groups_of_an_adopted_entry(client, api_server):
    """Adoption for a type with other groups is rejected; added groups are accepted, as for Windows nodes."""
    provider = AwsAuthMappingProvider()
    client.create(ConfigMap.from_dict({"metadata": METADATA, "data": {"mapRoles": BY_EKS}}))
    wrong = {"kubeconfig": api_server, "arn": ROLE, "type": "FARGATE_LINUX", "adopt": True}
    (failure,) = provider.check({}, wrong).failures
    assert "nodes join by this entry" in failure.reason
    with pytest.raises(InvalidInput):
        provider.create({**wrong, "username": "", "groups": []})
    provider.create(checked(api_server, type="EC2_WINDOWS", adopt=True))
    assert "eks:kube-proxy-windows" in entries(client)


def test_node_mapping_type_changes_in_place(client, api_server, authenticator):
    """A change from Windows to Linux removes a group of the mapping's own entry."""
    provider = AwsAuthMappingProvider()
    created = provider.create(checked(api_server, type="EC2_WINDOWS"))
    news = provider.check(created.outs, {"kubeconfig": api_server, "arn": ROLE, "type": "EC2_LINUX"})
    assert news.failures == []
    assert provider.diff(created.id, created.outs, news.inputs).changes
    provider.update(created.id, created.outs, news.inputs)
    expected = (f"system:node:{PRIVATE_DNS_NAME}", ("system:bootstrappers", "system:nodes"))
    authenticator.wait_for(NODE, expected)


def test_node_mapping_deletes_its_entry_only_with_allow_lockout_of(client, api_server, authenticator):
    """By default nodes still authenticate after the mapping is deleted; with allow_lockout_of the entry is removed."""
    provider = AwsAuthMappingProvider()
    created = provider.create(checked(api_server))
    text = entries(client)
    provider.delete(created.id, created.outs)
    assert entries(client) == text != ""
    second = provider.create(checked(api_server, adopt=True, allow_lockout_of=[ROLE.replace("role/", "role/team/")]))
    provider.delete(second.id, second.outs)
    assert entries(client) == ""
    authenticator.wait_for(NODE, None)


METADATA = {"name": "aws-auth", "namespace": "kube-system"}
