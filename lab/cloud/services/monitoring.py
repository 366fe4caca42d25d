"""Enforced operations of Amazon CloudWatch and CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend
from lab.cloud.services.rules import Service, call_variables, check_arn, members, names


def _log_groups(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the log group. AWS's messages have an empty log stream at the end, which policies match by `:*`."""
    value = str(call.params.get("logGroupName") or call.params.get("logGroupIdentifier") or "")
    if value.startswith("arn:"):
        check_arn(call, value, [resource_type])
        yield f"{value.removesuffix(':*')}:log-stream:"
    elif value:
        yield f"{resource_type.fill({**call_variables(call), 'LogGroupName': value})}:log-stream:"


def _list_log_group_tags(arn: str) -> dict[str, str]:
    backend = find_backend("logs", arn)
    group = arn.removesuffix(":log-stream:").removesuffix(":*")
    return dict(backend.tagger.get_tag_dict_for_resource(group)) if backend else {}


LOGS = Service(
    name="logs",
    prefix="logs",
    signing_name="logs",
    backend="logs",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html",
    operations=names(
        "CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream DeleteRetentionPolicy DescribeLogGroups "
        "DescribeLogStreams FilterLogEvents GetLogEvents ListTagsForResource PutLogEvents PutRetentionPolicy "
        "TagResource UntagResource"
    ),
    resources={
        "log-group": _log_groups,
        "log-stream": members(LogStreamName="logStreamName", LogGroupName="logGroupName"),
    },
    arn_members=("resourceArn",),
    tagging={"CreateLogGroup": "TagResource"},
    list_tags=_list_log_group_tags,
    invalid_arn=("InvalidParameterException", 400),
)

CLOUDWATCH = Service(
    name="cloudwatch",
    prefix="cloudwatch",
    signing_name="monitoring",
    backend="cloudwatch",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html",
    operations=names("GetMetricStatistics ListMetrics PutMetricData"),
    condition_members={"cloudwatch:namespace": "Namespace"},
)
