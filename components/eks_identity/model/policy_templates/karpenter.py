"""Policy template of Karpenter's controller, which can delete only the nodes that it created for its cluster."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import CLUSTERS, NODE_ROLES, QUEUES
from eks_identity.model.policy_templates.statements import (
    Condition,
    Statement,
    allow,
    like,
    only,
    requested,
    string_equals,
    tagged,
)
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope

_POOL = "karpenter.sh/nodepool"
_CLASS = "karpenter.k8s.aws/ec2nodeclass"
_REGION = "topology.kubernetes.io/region"
_CLUSTER = "eks:eks-cluster-name"


def _karpenter(scope: Scope) -> Iterator[Statement]:
    yield allow(
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotPriceHistory",
        "ec2:DescribeSubnets",
        "iam:ListInstanceProfiles",
        "pricing:GetProducts",
    )
    yield allow("ssm:GetParameter").on(scope.arn("ssm", "parameter/aws/service/*", account=""))
    yield allow("eks:DescribeCluster").on(*(scope.arn("eks", f"cluster/{cluster}") for cluster in scope.clusters))
    yield (
        allow("iam:PassRole")
        .on(*scope.named(NODE_ROLES))
        .when(string_equals("iam:PassedToService", *scope.hosts("ec2")))
    )
    if queues := scope.named(QUEUES):
        yield allow("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage").on(*queues)
    own = [scope.arn("ec2", f"{kind}/*") for kind in ("security-group", "subnet", "capacity-reservation")]
    shared = [scope.arn("ec2", f"{kind}/*", account="") for kind in ("image", "snapshot")]
    groups = scope.arn("ec2", "placement-group/*")
    yield allow("ec2:RunInstances", "ec2:CreateFleet").on(*shared, *own, groups)
    profiles = scope.arn("iam", "instance-profile/*", region="")
    yield allow("iam:GetInstanceProfile").on(profiles)
    for cluster in scope.clusters:
        yield from _instances(scope, cluster)
        yield from _instance_profiles(profiles, cluster)


def _instances(scope: Scope, cluster: str) -> Iterator[Statement]:
    templates, instances = scope.arn("ec2", "launch-template/*"), scope.arn("ec2", "instance/*")
    kinds = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
    created = [scope.arn("ec2", f"{kind}/*") for kind in kinds]
    creates, owns = _creates(cluster, _POOL), _owns(cluster, _POOL)
    run = ("ec2:RunInstances", "ec2:CreateFleet")
    yield allow(*run).on(templates).when(*owns)
    yield allow(*run, "ec2:CreateLaunchTemplate").on(*created).when(*creates)
    on_creation = string_equals("ec2:CreateAction", "RunInstances", "CreateFleet", "CreateLaunchTemplate")
    yield allow("ec2:CreateTags").on(*created).when(*creates, on_creation)
    same_cluster = Condition("StringEqualsIfExists", requested(_CLUSTER), (cluster,))
    own_tags = only("aws:TagKeys", _CLUSTER, "karpenter.sh/nodeclaim", "Name")
    yield allow("ec2:CreateTags").on(instances).when(*owns, same_cluster, own_tags)
    yield allow("ec2:TerminateInstances", "ec2:DeleteLaunchTemplate").on(instances, templates).when(*owns)


def _instance_profiles(profiles: str, cluster: str) -> Iterator[Statement]:
    creates = (*_creates(cluster, _CLASS), like(requested(_REGION), "*"))
    owns = (*_owns(cluster, _CLASS), like(tagged(_REGION), "*"))
    yield allow("iam:CreateInstanceProfile").on(profiles).when(*creates)
    yield allow("iam:TagInstanceProfile").on(profiles).when(*owns, *creates)
    yield (
        allow("iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile")
        .on(profiles)
        .when(*owns)
    )


def _creates(cluster: str, kind: str) -> tuple[Condition, ...]:
    """Return the conditions that the request tags new resources with this cluster, and with their pool or class."""
    return (
        string_equals(requested(f"kubernetes.io/cluster/{cluster}"), "owned"),
        string_equals(requested(_CLUSTER), cluster),
        like(requested(kind), "*"),
    )


def _owns(cluster: str, kind: str) -> tuple[Condition, ...]:
    """Return the conditions that the resource has these tags."""
    return string_equals(tagged(f"kubernetes.io/cluster/{cluster}"), "owned"), like(tagged(kind), "*")


KARPENTER = PolicyTemplate(
    name="karpenter",
    namespace="kube-system",
    service_account="karpenter",
    permissions="run instances that have the node roles and the cluster's tags, and terminate these; with "
    "`queue_arns`, receive interruption messages",
    source="https://karpenter.sh/docs/reference/cloudformation/#karpenter-controller-policies",
    statements=_karpenter,
    required=[CLUSTERS, NODE_ROLES],
    optional=[QUEUES],
)
