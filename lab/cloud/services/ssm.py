"""Enforced operations of AWS Systems Manager: those of Parameter Store."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud.api_call import ApiCall
from lab.cloud.service_authorization import ResourceType
from lab.cloud.services.backends import find_backend
from lab.cloud.services.rules import InvalidArnError, Service, call_variables, check_arn, names

_PARAMETER = "ParameterNameWithoutLeadingSlash"


def _parameters(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    """Yield the parameters that the call names, without the version or label at the end (`name:3`)."""
    for value in call.find_all("Names || [Name || Path || ResourceId]"):
        if value.startswith("arn:"):
            check_arn(call, value, [resource_type])
            yield ":".join(value.split(":")[:6])
        else:
            name = value.partition(":")[0].removeprefix("/")
            yield resource_type.fill({**call_variables(call), _PARAMETER: name})


def _tagged_parameter(call: ApiCall, resource_type: ResourceType) -> Iterator[str]:
    kind = call.params.get("ResourceType")
    if kind != "Parameter":
        raise InvalidArnError(f"The lab implements tags of parameters, not of {kind}")
    yield from _parameters(call, resource_type)


def _list_tags(arn: str) -> dict[str, str]:
    backend = find_backend("ssm", arn)
    if backend is None:
        return {}
    name = arn.partition(":parameter/")[2]
    tags = backend.list_tags_for_resource
    found: dict[str, str] = {}
    for candidate in (name, f"/{name}"):
        if candidate in backend._parameters:  # noqa: SLF001 - moto has no lookup that returns None
            found |= dict(tags("Parameter", candidate))
    return found


_TAGGED = {"parameter": _tagged_parameter}

SSM = Service(
    name="ssm",
    prefix="ssm",
    signing_name="ssm",
    backend="ssm",
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html",
    operations=names(
        "AddTagsToResource DeleteParameter DeleteParameters DescribeParameters GetParameter GetParameterHistory "
        "GetParameters GetParametersByPath LabelParameterVersion ListTagsForResource PutParameter "
        "RemoveTagsFromResource"
    ),
    resources={"parameter": _parameters},
    operation_resources={
        "AddTagsToResource": _TAGGED,
        "ListTagsForResource": _TAGGED,
        "RemoveTagsFromResource": _TAGGED,
    },
    tagging={"PutParameter": "AddTagsToResource"},
    condition_members={"ssm:Overwrite": "Overwrite", "ssm:Recursive": "Recursive", "ssm:Policies": "Policies"},
    list_tags=_list_tags,
)
