"""Policy templates for the lifecycle of nodes: Cluster Autoscaler and AWS Node Termination Handler."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import CLUSTERS, QUEUES
from eks_identity.model.policy_templates.statements import Statement, allow, string_equals, tagged
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope


def _cluster_autoscaler(scope: Scope) -> Iterator[Statement]:
    yield allow(
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "autoscaling:DescribeTags",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
    )
    node_groups = (scope.arn("eks", f"nodegroup/{cluster}/*/*") for cluster in scope.clusters or ("*",))
    yield allow("eks:DescribeNodegroup").on(*node_groups)
    scale = allow("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup")
    for cluster in scope.clusters:
        yield scale.when(string_equals(tagged(f"k8s.io/cluster-autoscaler/{cluster}"), "owned"))
    if not scope.clusters:
        yield scale.when(string_equals(tagged("k8s.io/cluster-autoscaler/enabled"), "true"))


def _node_termination_handler(scope: Scope) -> Iterator[Statement]:
    yield allow("autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeTags", "ec2:DescribeInstances")
    yield allow("sqs:DeleteMessage", "sqs:ReceiveMessage").on(*scope.all_of(QUEUES))
    complete = allow("autoscaling:CompleteLifecycleAction")
    for cluster in scope.clusters:
        yield complete.when(string_equals(tagged(f"kubernetes.io/cluster/{cluster}"), "owned"))
    if not scope.clusters:
        yield complete


CLUSTER_AUTOSCALER = PolicyTemplate(
    name="cluster-autoscaler",
    namespace="kube-system",
    service_account="cluster-autoscaler",
    permissions="resize the Auto Scaling groups tagged `k8s.io/cluster-autoscaler/CLUSTER` `owned` (EKS sets this tag "
    "on groups of managed node groups); with `all_resources`, every group tagged `k8s.io/cluster-autoscaler/enabled` "
    "`true`",
    source="https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md",
    statements=_cluster_autoscaler,
    one_of=[[CLUSTERS]],
)

NODE_TERMINATION_HANDLER = PolicyTemplate(
    name="aws-node-termination-handler",
    namespace="kube-system",
    service_account="aws-node-termination-handler",
    permissions="receive messages from the queues, and complete the lifecycle actions of Auto Scaling groups tagged "
    "`kubernetes.io/cluster/CLUSTER` `owned`",
    source="https://github.com/aws/aws-node-termination-handler#5-create-an-iam-role-for-the-pods",
    statements=_node_termination_handler,
    one_of=[[QUEUES], [CLUSTERS]],
)
