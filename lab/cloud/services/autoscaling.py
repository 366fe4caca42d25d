"""Enforced operations of Amazon EC2 Auto Scaling: those of the cluster autoscaler and the termination handler."""

from __future__ import annotations

from collections.abc import Iterator

from moto.autoscaling.models import autoscaling_backends

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend
from lab.cloud.services.rules import Service, call_variables, names


def _groups(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the ARN of the group that the call names, or whose instance it terminates."""
    groups = autoscaling_backends[call.account][call.region].autoscaling_groups
    name = str(call.params.get("AutoScalingGroupName") or "")
    instance = call.params.get("InstanceId")
    if not name and instance:
        members = {state.instance.id: group.name for group in groups.values() for state in group.instance_states}
        name = str(members.get(str(instance), "*"))
    group = groups.get(name)
    if group is not None:
        yield str(group.arn)
    elif name:
        yield resource_type.fill({**call_variables(call), "GroupId": "*", "GroupFriendlyName": name})


def _list_tags(arn: str) -> dict[str, str]:
    backend = find_backend("autoscaling", arn)
    group = backend.autoscaling_groups.get(arn.rpartition("/")[2]) if backend else None
    return {} if group is None else {str(tag["key"]): str(tag["value"]) for tag in group.tags}


AUTOSCALING = Service(
    name="autoscaling",
    prefix="autoscaling",
    signing_name="autoscaling",
    backend="autoscaling",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html",
    operations=names(
        "DescribeAutoScalingGroups DescribeAutoScalingInstances DescribeLaunchConfigurations "
        "DescribeScalingActivities DescribeTags SetDesiredCapacity TerminateInstanceInAutoScalingGroup"
    ),
    resources={"autoScalingGroup": _groups},
    list_tags=_list_tags,
)
