"""Roles of self-managed nodes and of Karpenter in aws-auth: the real authenticator decides who a node is."""

from __future__ import annotations

from typing import Any

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import ConfigMap
from lone_authenticator import ACCOUNT, PRIVATE_DNS_NAME, Principal

from eks_identity.access.aws_auth_mapping import AwsAuthMappingProvider
from eks_identity.errors import InvalidInput

ROLE = f"arn:aws:iam::{ACCOUNT}:role/karpenter"
NODE = Principal(ROLE, "i-0123456789abcdef0")
BY_EKS = f"""\
- groups:
  - system:bootstrappers
  - system:nodes
  rolearn: {ROLE}
  username: system:node:{{{{EC2PrivateDNSName}}}} # EKS
"""


def checked(kubeconfig: str, **given: Any) -> dict[str, Any]:
    """The inputs of a mapping after the provider's check."""
    result = AwsAuthMappingProvider().check({}, {"kubeconfig": kubeconfig, "arn": ROLE, "type": "EC2_LINUX", **given})
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
def test_a_mapped_node_authenticates_as_a_node(client, api_server, authenticator, kind, name, more):
    """A session of the role, which has a path in IAM, is system:node:<name> in the groups of its type."""
    with_path = ROLE.replace("role/", "role/team/x/")
    AwsAuthMappingProvider().create(checked(api_server, arn=with_path, type=kind))
    expected = (f"system:node:{name}", ("system:bootstrappers", "system:nodes", *more))
    authenticator.wait_for(NODE, expected)
    assert authenticator.user(NODE) == expected


def test_an_entry_of_eks_is_adopted_when_asked_for_and_stays_as_it_is(client, api_server):
    """Without adopt an equal entry is rejected; with it nothing is written, and a deletion leaves the nodes' entry."""
    provider = AwsAuthMappingProvider()
    client.create(ConfigMap.from_dict({"metadata": METADATA, "data": {"mapRoles": BY_EKS}}))
    (failure,) = provider.check({}, {"kubeconfig": api_server, "arn": ROLE, "type": "EC2_LINUX"}).failures
    assert "set adopt to True" in failure.reason
    made = provider.create(checked(api_server, adopt=True))
    assert entries(client) == BY_EKS
    provider.delete(made.id, made.outs)
    assert entries(client) == BY_EKS


def test_an_entry_that_nodes_need_is_changed_to_nothing_less(client, api_server):
    """Adopting it for another type is rejected; groups may be added, as Windows nodes of the same role need."""
    provider = AwsAuthMappingProvider()
    client.create(ConfigMap.from_dict({"metadata": METADATA, "data": {"mapRoles": BY_EKS}}))
    wrong = {"kubeconfig": api_server, "arn": ROLE, "type": "FARGATE_LINUX", "adopt": True}
    (failure,) = provider.check({}, wrong).failures
    assert "nodes join the cluster by this entry" in failure.reason
    with pytest.raises(InvalidInput):
        provider.create({**wrong, "username": "", "groups": []})
    provider.create(checked(api_server, type="EC2_WINDOWS", adopt=True))
    assert "eks:kube-proxy-windows" in entries(client)


def test_the_type_of_a_mapping_changes_in_place(client, api_server, authenticator):
    """From Windows to Linux and on: the entry is its own, so it may lose a group."""
    provider = AwsAuthMappingProvider()
    made = provider.create(checked(api_server, type="EC2_WINDOWS"))
    news = provider.check(made.outs, {"kubeconfig": api_server, "arn": ROLE, "type": "EC2_LINUX"})
    assert news.failures == []
    assert provider.diff(made.id, made.outs, news.inputs).changes
    provider.update(made.id, made.outs, news.inputs)
    expected = (f"system:node:{PRIVATE_DNS_NAME}", ("system:bootstrappers", "system:nodes"))
    authenticator.wait_for(NODE, expected)


def test_a_node_entry_goes_with_its_mapping_only_where_break_glass_names_it(client, api_server, authenticator):
    """By default nodes still authenticate after the mapping is deleted; with allow_lockout_of the entry is removed."""
    provider = AwsAuthMappingProvider()
    made = provider.create(checked(api_server))
    kept = entries(client)
    provider.delete(made.id, made.outs)
    assert entries(client) == kept != ""
    again = provider.create(checked(api_server, adopt=True, allow_lockout_of=[ROLE.replace("role/", "role/team/")]))
    provider.delete(again.id, again.outs)
    assert entries(client) == ""
    authenticator.wait_for(NODE, None)


METADATA = {"name": "aws-auth", "namespace": "kube-system"}
