"""Read the input of stack operations: the template, the parameters and the capabilities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from lab.cloud import iam_lookup
from lab.cloud.api_call import ApiCall
from lab.cloud.cloudformation import parameters
from lab.cloud.cloudformation.calls import Calls
from lab.cloud.cloudformation.errors import InsufficientCapabilitiesException, ValidationError
from lab.cloud.cloudformation.records import StackRecord, StackSettings
from lab.cloud.cloudformation.templates import Template
from lab.cloud.gate import CallError

MAX_BODY_BYTES = 51_200
MAX_OBJECT_BYTES = 1_000_000
_S3_HOST = re.compile(r"(?:(?P<bucket>[a-z0-9.-]+)\.)?s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_RESERVED_TAG_PREFIX = "aws:"

UNSUPPORTED: Mapping[str, str] = {
    "CallAs": "the lab has no stack sets",
    "DeploymentConfig": "the lab has one way to deploy a stack",
    "DisableValidation": "the lab validates each template",
    "ImportExistingResources": "the lab imports no resources",
    "IncludePropertyValues": "the lab's change sets name the properties that change, without values",
    "IncludeNestedStacks": "the lab has no nested stacks",
    "NotificationARNs": "the lab's stacks publish no notifications",
    "ResourcesToImport": "the lab imports no resources",
    "RollbackConfiguration": "the lab's stacks watch no alarms",
    "StackPolicyBody": "the lab has no stack policies",
    "StackPolicyDuringUpdateBody": "the lab has no stack policies",
    "StackPolicyDuringUpdateURL": "the lab has no stack policies",
    "StackPolicyURL": "the lab has no stack policies",
    "StackSetName": "the lab has no stack sets",
    "TemplateSummaryConfig": "the lab rejects unknown resource types",
}
"""Members that the lab does not implement, with the reason. A member that is empty or false has no effect on AWS."""

WITHOUT_EFFECT: Mapping[str, str] = {
    "TemplateStage": "the lab implements no transforms, so that both stages are equal",
    "TimeoutInMinutes": "the lab's stacks take seconds",
}
"""Members that change nothing in the lab, with the reason."""


def check_members(call: ApiCall) -> None:
    """Reject members of the input that the lab does not implement."""
    for member, reason in UNSUPPORTED.items():
        value = call.params.get(member)
        if value and not (isinstance(value, Mapping) and not any(value.values())):
            raise ValidationError(f"The lab does not implement {member} of cloudformation:{call.name}: {reason}")
    for member, value in (("DeletionMode", "STANDARD"), ("DeploymentMode", "")):
        if call.params.get(member, value) != value:
            message = f"The lab does not implement {member} {call.params[member]} of cloudformation:{call.name}"
            raise ValidationError(message)
    if call.params.get("ChangeSetType") == "IMPORT":
        raise ValidationError("The lab does not implement ChangeSetType IMPORT of cloudformation:CreateChangeSet")


def read_template(call: ApiCall, calls: Calls, previous: StackRecord | None = None) -> Template:
    """Return the template of a call: a text, an object of S3 that the caller may read, or that of the stack.

    Raises:
        ValidationError: there is none, or it is not valid.
    """
    body, url = call.params.get("TemplateBody"), call.params.get("TemplateURL")
    uses_previous = bool(call.params.get("UsePreviousTemplate"))
    if sum((body is not None, url is not None, uses_previous)) != 1:
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if uses_previous:
        if previous is None:
            raise ValidationError("UsePreviousTemplate is not allowed for a stack that does not exist")
        return previous.settings.template
    text = _read_object(url, calls) if body is None else body
    if body is not None and len(body.encode()) > MAX_BODY_BYTES:
        raise ValidationError(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MAX_BODY_BYTES}"
        )
    template = Template(text, call.region)
    parameters.check_declarations(template.parameters)
    return template


def read_settings(call: ApiCall, template: Template, previous: StackRecord | None) -> StackSettings:
    """Return what a call deploys. An update keeps the tags and the role of the stack if the call has none.

    Raises:
        ValidationError: a parameter, a tag, a resource type or the role is not valid.
        InsufficientCapabilitiesException: the caller did not acknowledge the template's IAM resources.
    """
    params = call.params
    capabilities = tuple(params.get("Capabilities") or ())
    _check_capabilities(template, capabilities)
    _check_resource_types(template, params.get("ResourceTypes"))
    tags = _read_tags(call)
    previous_settings = previous.settings if previous else None
    role_arn = params.get("RoleARN")
    if role_arn is not None and not iam_lookup.parse_account(role_arn)[0]:
        raise ValidationError(f"Role {role_arn} is invalid or cannot be assumed")
    if params.get("OnFailure") is not None and params.get("DisableRollback") is not None:
        raise ValidationError("You can specify either OnFailure or DisableRollback, but not both.")
    values = previous_settings.parameters if previous_settings else {}
    return StackSettings(
        template=template,
        parameters=parameters.resolve(template.parameters, params.get("Parameters") or (), values),
        tags=previous_settings.tags if tags is None and previous_settings else tags or {},
        capabilities=capabilities,
        role_arn=role_arn or (previous_settings.role_arn if previous_settings else None),
        disable_rollback=bool(params.get("DisableRollback")),
        on_failure=params.get("OnFailure") or params.get("OnStackFailure") or "ROLLBACK",
        retain_except_on_create=bool(params.get("RetainExceptOnCreate")),
        token=params.get("ClientRequestToken"),
        timeout_in_minutes=params.get("TimeoutInMinutes"),
    )


def _check_capabilities(template: Template, acknowledged: tuple[str, ...]) -> None:
    required = template.capabilities
    sufficient = {*required, "CAPABILITY_NAMED_IAM"} if required else set()
    if required and not sufficient & set(acknowledged):
        raise InsufficientCapabilitiesException(f"Requires capabilities : [{', '.join(required)}]")


def _check_resource_types(template: Template, allowed: list[str] | None) -> None:
    """Reject resources of other types than those that the call allows, such as `AWS::IAM::*`."""
    if not allowed:
        return
    patterns = [re.compile(re.escape(entry).replace(r"\*", ".*")) for entry in allowed]
    types = dict.fromkeys(entry.type_name for entry in template.resources.values())
    others = [name for name in types if not any(pattern.fullmatch(name) for pattern in patterns)]
    if others:
        raise ValidationError(f"Resource types not in the ResourceTypes parameter: [{', '.join(others)}]")


def _read_tags(call: ApiCall) -> dict[str, str] | None:
    """Return the tags of a call. eksctl repeats tags of the stack with the same value, which is no error."""
    tags = call.params.get("Tags")
    if tags is None:
        return None
    pairs = {tag["Key"]: tag["Value"] for tag in tags}
    conflicting = [tag["Key"] for tag in tags if tag["Value"] != pairs[tag["Key"]]]
    if conflicting:
        raise ValidationError(f"Duplicate tag keys with different values: {', '.join(conflicting)}")
    if any(key.lower().startswith(_RESERVED_TAG_PREFIX) for key in pairs):
        raise ValidationError(f"Tag keys must not begin with {_RESERVED_TAG_PREFIX}")
    return pairs


def _read_object(url: Any, calls: Calls) -> str:
    """Return an object of S3, read as the caller."""
    parts = urlsplit(str(url))
    match = _S3_HOST.fullmatch(parts.netloc)
    if parts.scheme != "https" or match is None:
        raise ValidationError("TemplateURL must be a supported URL.")
    path = unquote(parts.path.removeprefix("/"))
    bucket, key = (match["bucket"], path) if match["bucket"] else path.partition("/")[::2]
    if not bucket or not key:
        raise ValidationError("TemplateURL must reference a valid S3 object to which you have access.")
    try:
        content: Any = calls("s3", "GetObject", Bucket=bucket, Key=key)["Body"]
    except CallError as error:
        raise ValidationError(f"S3 error: {error.message}") from error
    data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else content.read()
    if len(data) > MAX_OBJECT_BYTES:
        raise ValidationError(f"Template may not exceed {MAX_OBJECT_BYTES} bytes in size.")
    return str(data.decode())
