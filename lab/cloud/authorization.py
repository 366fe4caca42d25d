"""Authorization of a call: IAM policies are evaluated before the operation runs.

    request → request_parser → ApiCall → authorization → request_writer → moto

`services` has the table of enforced operations: the actions and resources of each. The lab rejects all others. moto's
own authorization does not run: `install` replaces it by a check that moto runs the operation that was authorized.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import moto.kms.responses
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from lab.cloud import trust
from lab.cloud.api_call import ApiCall
from lab.cloud.aws_errors import AwsErrorResponse
from lab.cloud.context import Values, caller_context, organization_values, request_context
from lab.cloud.policy import EvaluationResult, Policies, PolicyError, Request, evaluate, parse
from lab.cloud.request_identity import Caller
from lab.cloud.request_writer import CALL_KEY
from lab.cloud.service_authorization import ResourceType, find_action
from lab.cloud.services import SERVICES, Service, find_service_of_action
from lab.cloud.services.requirements import list_requirements
from lab.cloud.services.rules import Requirement, tag_mapping

_RESOURCE_TAG_KEY = re.compile(r"^(?P<prefix>[\w-]+:[rR]esourceTag/)")
_KEY_VARIABLE = re.compile(r"(?:\$\{[^}]*\}|<\w+>|tag-key)$")


def authorize_call(call: ApiCall) -> str:
    """Authorize `call` and return the account in which it runs: that of its resource.

    Raises:
        AwsErrorResponse: the caller is not authorized. The error has the service's form.
    """
    service = SERVICES[call.service]
    caller = call.caller
    if caller is None:
        if call.name not in service.unsigned:
            raise call.error("MissingAuthenticationToken", "Request is missing Authentication Token", status=403)
        return DEFAULT_ACCOUNT_ID
    if call.name in service.not_authorized:
        return caller.account
    if service.name == "iam" and caller.session is not None and not caller.is_role:
        # A user's session without MFA (GetSessionToken) cannot call IAM.
        raise call.error("InvalidClientTokenId", "The security token included in the request is invalid", status=403)
    requirements = list(list_requirements(service, call))
    if not requirements:
        raise call.error("ValidationException", f"The input of {call.name} names no resource")
    for requirement in requirements:
        require_allowed(call, requirement)
    if call.name in service.not_executed:
        message = f"The lab does not execute {service.prefix}:{call.name}: {service.not_executed[call.name]}"
        raise call.error("NotImplemented", message)
    _check_policy(service, call)
    return find_owner(requirements[0].action, requirements[0].resource) or caller.account


def _check_policy(service: Service, call: ApiCall) -> None:
    """Raise an error if the resource-based policy that the call writes is not valid."""
    policy_input = service.policy_inputs.get(call.name)
    document = call.find(policy_input.member) if policy_input else None
    if policy_input is None or not isinstance(document, str) or not document:
        return
    try:
        parse(document)
    except PolicyError as error:
        raise call.error(policy_input.error_code, f"The policy is not valid: {error}") from error


def require_allowed(call: ApiCall, requirement: Requirement) -> None:
    """Raise the access-denied error of the call's service unless the caller meets `requirement`."""
    result = evaluate_requirement(call, requirement)
    if not result.allowed:
        assert call.caller is not None
        raise call.denial(denial_message(call.caller, requirement.action, requirement.resource, result))


def evaluate_requirement(call: ApiCall, requirement: Requirement) -> EvaluationResult:
    """Evaluate whether the caller of `call` may perform the action on the resource, with the call's condition keys."""
    caller = call.caller
    assert caller is not None
    values = {**_optional_values(call, requirement), **_network_values(call)}
    return evaluate_caller(caller, requirement.action, requirement.resource, values)


def evaluate_caller(caller: Caller, action: str, arn: str, values: Values) -> EvaluationResult:
    """Evaluate whether `caller` may perform `action` on the resource `arn` of any account.

    In the resource's own account an identity-based policy or the resource's policy must allow the request, for another
    account's resource both. `values` are the condition keys of the request. The keys of the caller are added.
    """
    service = find_service_of_action(action)
    owner = find_owner(action, arn) or caller.account
    resource_values: Values = {"aws:ResourceAccount": owner, **organization_values("Resource")}
    own = trust.load_policies(caller)
    resource_policy = service.find_policy(arn) if service and arn != "*" else None
    if service and owner != caller.account and action.partition(":")[2] in service.own_account_actions:
        resource_policy = None
    context = caller_context(caller).merged({**resource_values, **values})
    return evaluate(
        Request(action, arn, trust.request_principal(caller), context),
        Policies(
            identity=own.identity,
            resource=resource_policy,
            boundary=own.boundary,
            session=own.session,
            same_account=owner == caller.account,
            resource_must_allow=service is not None and arn != "*" and service.policy_must_allow(arn),
        ),
    )


def find_owner(action: str, arn: str) -> str | None:
    """Return the account of a resource, or None if it has none."""
    service = find_service_of_action(action)
    return None if service is None or arn == "*" else service.find_owner(arn)


def denial_message(caller: Caller, action: str, arn: str, result: EvaluationResult) -> str:
    """Return AWS's access-denied message. S3 quotes the resource ARN."""
    resource = f'"{arn}"' if action.startswith("s3:") else arn
    on_resource = "" if action.startswith("s3:") and arn == "*" else f" on resource: {resource}"
    return f"User: {caller.arn} is not authorized to perform: {action}{on_resource} {result.reason(action)}"


def error_response(response: BaseResponse, code: str, message: str, *, status: int = 403) -> AwsErrorResponse:
    """Return an error of the operation that the moto response object `response` runs."""
    call: ApiCall = response.normalized_request.environ[CALL_KEY]
    return call.error(code, message, status=status)


def install() -> Callable[[], None]:
    """Replace moto's authorization by a check of the operation. Return a function that restores moto's."""
    replacements: list[tuple[Any, str, Any]] = [
        (ActionAuthenticatorMixin, "_authenticate_and_authorize_normal_action", authorize),
        (ActionAuthenticatorMixin, "_authenticate_and_authorize_s3_action", _check_s3_operation),
        # moto reads no Principal and no Condition of bucket and key policies: each Deny would apply to every caller.
        (FakeBucket, "get_permission", lambda *_args: PermissionResult.NEUTRAL),
        (moto.kms.responses, "validate_policy", lambda *_args: None),
    ]
    original = [(owner, name, getattr(owner, name)) for owner, name, _ in replacements]
    for owner, name, replacement in replacements:
        setattr(owner, name, replacement)

    def uninstall() -> None:
        for owner, name, method in original:
            setattr(owner, name, method)

    return uninstall


def authorize(response: BaseResponse, _resource: str = "*") -> None:
    """Raise an error unless moto is about to run the operation that was authorized."""
    call = response.normalized_request.environ.get(CALL_KEY)
    action = response._get_action()  # noqa: SLF001 - the operation that moto is about to run
    if (
        call is None
        or call.name != action
        or call.service != get_service_model(response.boto3_service_name).service_name
    ):
        raise AwsErrorResponse("query", "AccessDenied", f"The lab did not authorize the operation {action}")


def _check_s3_operation(response: Any, **_names: str | None) -> None:
    if CALL_KEY not in response.normalized_request.environ:
        raise AwsErrorResponse("s3", "AccessDenied", "The lab did not authorize this operation")


def _network_values(call: ApiCall) -> Values:
    return request_context(region=call.region, source_ip=call.source_ip, user_agent=call.user_agent, via=call.via)


def _optional_values(call: ApiCall, requirement: Requirement) -> Values:
    """Return the condition keys that the action, or its resource type, has in the service authorization data."""
    action = find_action(requirement.action)
    if action is None:
        return {}
    resource_type = _matching_type(action.resource_types, requirement.resource)
    listed = action.condition_keys | (resource_type.condition_keys if resource_type else frozenset())
    service = find_service_of_action(requirement.action)
    candidates: Values = dict(requirement.values)
    if service is not None:
        candidates = {**_tag_values(call), **service.context(call, requirement), **candidates}
        for key, expression in service.condition_members.items():
            if key not in candidates and service.name == call.service:
                value = condition_value(call.find(expression))
                candidates |= {key: value} if value is not None else {}
        if requirement.resource != "*" and not requirement.creates:
            tags = service.list_tags(requirement.resource)
            for key in listed:
                match = _RESOURCE_TAG_KEY.match(key)
                if match is not None:
                    candidates |= {f"{match['prefix']}{name}": value for name, value in tags.items()}
    return {key: value for key, value in candidates.items() if is_listed(key, listed)}


def is_listed(key: str, listed: frozenset[str]) -> bool:
    """Return whether the condition key is one of `listed`, of which some end with a variable."""
    lowered = key.lower()
    for entry in listed:
        fixed = _KEY_VARIABLE.sub("", entry)
        if lowered == entry.lower() or (fixed != entry and lowered.startswith(fixed.lower())):
            return True
    return False


def condition_value(value: Any) -> str | tuple[str, ...] | None:
    """Return a member's value as a condition key has it, or None for a missing or a structured value."""
    if isinstance(value, list | tuple):
        return tuple(str(item) for item in value) or None
    if value is None or isinstance(value, Mapping):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _matching_type(types: tuple[ResourceType, ...], arn: str) -> ResourceType | None:
    matching = [entry for entry in types if entry.matches(arn)]
    return max(matching, key=lambda entry: len(entry.arn_format), default=None)


def _tag_values(call: ApiCall) -> Values:
    """Return `aws:RequestTag/…` and `aws:TagKeys` of the call."""
    service = SERVICES[call.service]
    tags: dict[str, str] = {}
    for member in service.tag_members:
        tags |= tag_mapping(call.params.get(member))
    keys = [*tags, *_removed_keys(call)]
    values: Values = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return values | ({"aws:TagKeys": keys} if keys else {})


def _removed_keys(call: ApiCall) -> Iterator[str]:
    for member in ("TagKeys", "tagKeys"):
        yield from map(str, call.params.get(member) or ())
