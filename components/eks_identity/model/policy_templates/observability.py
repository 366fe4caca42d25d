"""Policy templates for metrics and logs: Amazon Managed Service for Prometheus, and the CloudWatch agent."""

from __future__ import annotations

from collections.abc import Iterator

from eks_identity.model.policy_templates.fields import CLUSTERS, WORKSPACES
from eks_identity.model.policy_templates.statements import Statement, allow
from eks_identity.model.policy_templates.template import PolicyTemplate, Scope


def _prometheus(scope: Scope) -> Iterator[Statement]:
    yield allow("aps:RemoteWrite", "aps:QueryMetrics", "aps:GetSeries", "aps:GetLabels", "aps:GetMetricMetadata").on(
        *scope.all_of(WORKSPACES)
    )


def _cloudwatch(scope: Scope) -> Iterator[Statement]:
    yield allow(
        "cloudwatch:PutMetricData",
        "ec2:DescribeTags",
        "ec2:DescribeVolumes",
        "logs:DescribeLogGroups",
        "xray:GetSamplingRules",
        "xray:GetSamplingStatisticSummaries",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    )
    groups = [f"/aws/containerinsights/{cluster}/*" for cluster in scope.clusters] or ["*"]
    signals = ["/aws/application-signals/data*"] if scope.clusters else []
    yield allow(
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "logs:PutRetentionPolicy",
    ).on(*(scope.arn("logs", f"log-group:{group}") for group in [*groups, *signals]))
    yield allow("ssm:GetParameter").on(scope.arn("ssm", "parameter/AmazonCloudWatch-*"))


PROMETHEUS = PolicyTemplate(
    name="amazon-managed-service-prometheus",
    namespace="prometheus",
    service_account="amp-iamproxy-ingest-service-account",
    permissions="write metrics to the workspaces, and query them",
    source="https://docs.aws.amazon.com/prometheus/latest/userguide/set-up-irsa.html",
    statements=_prometheus,
    one_of=[[WORKSPACES]],
)

CLOUDWATCH = PolicyTemplate(
    name="amazon-cloudwatch-observability",
    namespace="amazon-cloudwatch",
    service_account="cloudwatch-agent",
    permissions="send metrics and traces, and the logs of the clusters to `/aws/containerinsights/CLUSTER/` and "
    "`/aws/application-signals/data`; with `all_resources`, to any log group",
    source="https://docs.aws.amazon.com/aws-managed-policy/latest/reference/CloudWatchAgentServerPolicy.html",
    statements=_cloudwatch,
    one_of=[[CLUSTERS]],
    addon="amazon-cloudwatch-observability",
)
