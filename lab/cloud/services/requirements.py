"""The actions and resources that a call requires, by the table of enforced operations."""

from __future__ import annotations

from collections.abc import Iterator

from lab.cloud import iam_lookup
from lab.cloud.api_call import ApiCall
from lab.cloud.input_validation import find_input_error
from lab.cloud.service_authorization import ResourceType, find_action, resource_types
from lab.cloud.services.rules import InvalidArnError, Requirement, Service, check_arn, tag_mapping


def list_requirements(service: Service, call: ApiCall) -> Iterator[Requirement]:
    """Yield what `call` requires: first the action on its own resource, in whose account it runs.

    Raises:
        AwsErrorResponse: an ARN in the call does not name a resource of the service in the call's region.
    """
    list_own = service.requirements.get(call.name)
    try:
        yield from default_requirements(service, call) if list_own is None else list_own(call)
    except InvalidArnError as error:
        code, status = service.invalid_arn
        raise call.error(code, str(error), status=status) from error
    yield from _passed_roles(service, call)


def default_requirements(service: Service, call: ApiCall) -> Iterator[Requirement]:
    """Yield the requirements of the operation's action on all resources of the call, and of tags on a new resource."""
    action = service.action_of(call.name)
    is_new = call.name.startswith("Create")
    arns = list(dict.fromkeys(list_resources(service, call, action)))
    if not arns and _needs_resource(service, action):
        code = "ValidationException" if call.protocol in {"json", "rest-json"} else "ValidationError"
        message = find_input_error(service.name, call.name, call.params)
        raise call.error(code, message or f"The input of {call.name} does not name its resource, which is required")
    for arn in arns or ["*"]:
        yield Requirement(action, arn, creates=is_new)
    tagging = service.tagging.get(call.name)
    if tagging and any(tag_mapping(call.params.get(member)) for member in service.tag_members):
        for arn in arns or ["*"]:
            yield Requirement(f"{service.prefix}:{tagging}", arn, creates=is_new)


def _needs_resource(service: Service, action: str) -> bool:
    """Return whether the action has no requests on `*`: all of them name a resource of a type in the table."""
    data = find_action(action)
    return data is not None and any(name in service.resources for name in data.required_types)


def list_resources(service: Service, call: ApiCall, action: str) -> Iterator[str]:
    """Yield the ARNs of the resources that the call names."""
    for member in service.arn_members:
        value = call.params.get(member)
        if value:
            for arn in map(str, value if isinstance(value, list) else [value]):
                check_arn(call, arn, resource_types(service.prefix).values(), in_region=service.is_regional)
                yield arn
    own_resolvers = service.operation_resources.get(call.name)
    if own_resolvers is not None:
        types = resource_types(service.prefix)
        for name, resolver in own_resolvers.items():
            yield from resolver(call, types.get(name, ResourceType(name, "", frozenset())))
        return
    data = find_action(action)
    for resource_type in data.resource_types if data else ():
        type_resolver = service.resources.get(resource_type.name)
        if type_resolver is not None:
            yield from type_resolver(call, resource_type)


def _passed_roles(service: Service, call: ApiCall) -> Iterator[Requirement]:
    for passed in service.passed_roles.get(call.name, ()):
        for value in call.find_all(passed.members):
            roles = [value] if passed.find_roles is None else passed.find_roles(call, value)
            for role in roles:
                if iam_lookup.parse_account(role)[0] in {"", call.account}:
                    yield Requirement("iam:PassRole", role, {"iam:PassedToService": passed.service_principal})
                elif not passed.service_rejects_foreign_roles:
                    raise call.denial("Cross-account pass role is not allowed.")
