"""Policy template of the VPC CNI plugin: IP addresses and network interfaces of nodes."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import CLUSTERS, IP_FAMILY
from eks_identity.model.policy_templates.statements import Statement, allow, requested, string_equals, tagged
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_CLUSTER = "cluster.k8s.amazonaws.com/name"
_READ = (
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
)
_MANAGE = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:AttachNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DetachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:UnassignPrivateIpAddresses",
)


def _vpc_cni(scope: Scope) -> Iterator[Statement]:
    interfaces = scope.arn("ec2", "network-interface/*")
    yield allow(*_READ)
    yield allow("ec2:CreateTags").on(interfaces)
    if scope.ip_family == "ipv6":
        yield allow("ec2:AssignIpv6Addresses", "ec2:ModifyNetworkInterfaceAttribute")
    elif scope.clusters:
        yield from _of_clusters(scope, interfaces)
    else:
        yield allow("ec2:CreateNetworkInterface", *_MANAGE)


def _of_clusters(scope: Scope, interfaces: str) -> Iterator[Statement]:
    groups, subnets = scope.arn("ec2", "security-group/*"), scope.arn("ec2", "subnet/*")
    create = allow("ec2:CreateNetworkInterface")
    yield create.on(interfaces).when(string_equals(requested(_CLUSTER), *scope.clusters))
    yield create.on(subnets, groups)
    yield allow(*_MANAGE).on(interfaces).when(string_equals(tagged(_CLUSTER), *scope.clusters))
    modify = "ec2:ModifyNetworkInterfaceAttribute"
    attach = allow("ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface", modify).on(
        scope.arn("ec2", "instance/*")
    )
    for cluster in scope.clusters:
        yield attach.when(string_equals(tagged(f"kubernetes.io/cluster/{cluster}"), "owned"))
    yield allow(modify).on(groups)


VPC_CNI = PolicyTemplate(
    name="vpc-cni",
    namespace="kube-system",
    service_account="aws-node",
    permissions="create network interfaces and assign IP addresses to them; with `ip_family` `ipv6`, only assign "
    "addresses; with `cluster_names`, only for the interfaces and instances of these clusters",
    source="https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/iam-policy.md",
    statements=_vpc_cni,
    optional=[IP_FAMILY, CLUSTERS],
    addon="vpc-cni",
)
