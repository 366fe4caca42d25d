"""Policy templates of the AWS Load Balancer Controller: for load balancers, and only for existing target groups."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import CLUSTERS, TARGET_GROUPS
from eks_identity.model.policy_templates.statements import (
    Condition,
    Statement,
    absent,
    allow,
    present,
    requested,
    string_equals,
    tagged,
)
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_CLUSTER = "elbv2.k8s.aws/cluster"
_READ = (
    "acm:DescribeCertificate",
    "acm:ListCertificates",
    "cognito-idp:DescribeUserPoolClient",
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeCoipPools",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeIpamPools",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "ec2:GetCoipPoolUsage",
    "ec2:GetSecurityGroupsForVpc",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
    "elasticloadbalancing:DescribeListenerCertificates",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeSSLPolicies",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DescribeTrustStores",
    "iam:GetServerCertificate",
    "iam:ListServerCertificates",
)
_PROTECT = (
    "shield:CreateProtection",
    "shield:DeleteProtection",
    "shield:DescribeProtection",
    "shield:GetSubscriptionState",
    "waf-regional:AssociateWebACL",
    "waf-regional:DisassociateWebACL",
    "waf-regional:GetWebACL",
    "waf-regional:GetWebACLForResource",
    "wafv2:AssociateWebACL",
    "wafv2:DisassociateWebACL",
    "wafv2:GetWebACL",
    "wafv2:GetWebACLForResource",
)
_UNTAGGED = (
    # Actions on listeners and rules, which older releases of the controller do not tag.
    "elasticloadbalancing:AddListenerCertificates",
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteRule",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:RemoveListenerCertificates",
    "elasticloadbalancing:SetRulePriorities",
    "elasticloadbalancing:SetWebAcl",
)
_MANAGE = (
    "elasticloadbalancing:DeleteLoadBalancer",
    "elasticloadbalancing:DeleteTargetGroup",
    "elasticloadbalancing:ModifyCapacityReservation",
    "elasticloadbalancing:ModifyIpPools",
    "elasticloadbalancing:ModifyListenerAttributes",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:SetIpAddressType",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
)
_INGRESS = ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress")
_TARGETS = ("elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets")


def _of(scope: Scope, key: str) -> Condition:
    """Return the condition that the tag names one of the clusters, or any cluster."""
    return string_equals(key, *scope.clusters) if scope.clusters else present(key)


def _controller(scope: Scope) -> Iterator[Statement]:
    creates, owns = _of(scope, requested(_CLUSTER)), _of(scope, tagged(_CLUSTER))
    retags = absent(requested(_CLUSTER))
    groups = scope.arn("ec2", "security-group/*")
    yield allow(*_READ, *_PROTECT, *_UNTAGGED)
    yield allow("iam:CreateServiceLinkedRole").when(
        string_equals("iam:AWSServiceName", *scope.hosts("elasticloadbalancing"))
    )
    yield allow("ec2:CreateSecurityGroup").on(groups, scope.arn("ec2", "vpc/*"))
    yield allow(*_INGRESS).on(groups)
    yield allow("ec2:DeleteSecurityGroup").on(groups).when(owns)
    yield allow("ec2:CreateTags").on(groups).when(creates, string_equals("ec2:CreateAction", "CreateSecurityGroup"))
    yield allow("ec2:CreateTags", "ec2:DeleteTags").on(groups).when(owns, retags)
    yield from _balancers(scope, creates, owns, retags)


def _balancers(scope: Scope, creates: Condition, owns: Condition, retags: Condition) -> Iterator[Statement]:
    def arns(*kinds: str) -> list[str]:
        return [scope.arn("elasticloadbalancing", f"{kind}/*") for kind in kinds]

    tagged_kinds = arns("targetgroup", "loadbalancer/app", "loadbalancer/net", "loadbalancer/gwy")
    create = ("CreateLoadBalancer", "CreateTargetGroup")
    yield allow(*(f"elasticloadbalancing:{action}" for action in create)).when(creates)
    on_creation = string_equals("elasticloadbalancing:CreateAction", *create)
    yield allow("elasticloadbalancing:AddTags").on(*tagged_kinds).when(creates, on_creation)
    tag = allow("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")
    yield tag.on(*tagged_kinds).when(owns, retags)
    yield tag.on(*arns("listener/app", "listener/net", "listener-rule/app", "listener-rule/net"))
    yield allow(*_MANAGE).when(owns)
    yield allow(*_TARGETS).on(*arns("targetgroup"))


def _target_groups_only(scope: Scope) -> Iterator[Statement]:
    yield allow(
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeInstances",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    )
    yield allow(*_INGRESS).on(scope.arn("ec2", "security-group/*"))
    modify = ("elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes")
    yield allow(*_TARGETS, *modify).on(*scope.all_of(TARGET_GROUPS))


CONTROLLER = PolicyTemplate(
    name="aws-load-balancer-controller",
    namespace="kube-system",
    service_account="aws-load-balancer-controller",
    permissions="create load balancers, target groups and security groups, and change and delete those that it created "
    "for the clusters (tag `elbv2.k8s.aws/cluster`); with `all_resources`, for any cluster",
    source="https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/main/docs/install/iam_policy.json",
    statements=_controller,
    one_of=[[CLUSTERS]],
)

TARGET_GROUPS_ONLY = PolicyTemplate(
    name="aws-load-balancer-controller-target-group-binding-only",
    namespace="kube-system",
    service_account="aws-load-balancer-controller",
    permissions="register targets with the target groups, and open security groups for them",
    source="https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/"
    "targetgroupbinding/",
    statements=_target_groups_only,
    one_of=[[TARGET_GROUPS]],
)
