"""The form of the table of enforced operations: how the lab authorizes each operation of a service.

By default an operation requires the action with the operation's name, on the resources of the action's resource types
in AWS's service authorization data, in the caller's account. A `Service` names the exceptions, and the members of the
input that fill the variables of the ARN formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.cloud.context import Values
from lab.cloud.policy import Policy
from lab.cloud.service_authorization import ResourceType

if TYPE_CHECKING:
    from moto.core.request import Request

    from lab.cloud.api_call import ApiCall

_ARN_PARTS = 6

Resolver = Callable[["ApiCall", ResourceType], Iterable[str]]
"""Returns the ARNs of a call's resources of one type."""


class InvalidArnError(ValueError):
    """A value of the input is an ARN, but not of a resource that the operation can have."""


@dataclass(frozen=True)
class Requirement:
    """An action on a resource that a call must be allowed. The resource is `*` if the action has none."""

    action: str
    resource: str = "*"
    values: Values = field(default_factory=dict)
    """Condition keys of this action and resource, in addition to those of the call."""
    creates: bool = False
    """Whether the call creates the resource. A new resource has no tags yet."""


@dataclass(frozen=True)
class PassedRole:
    """The IAM roles that an operation passes to a service principal, which requires `iam:PassRole`."""

    service_principal: str
    members: str
    """JMESPath expression of the role ARNs in the input."""
    find_roles: Callable[[ApiCall, str], Iterable[str]] | None = None
    """Returns the ARNs of the roles for a value of `members` that is no role ARN, such as an instance profile."""
    service_rejects_foreign_roles: bool = False
    """Whether the operation itself rejects a role of another account."""


@dataclass(frozen=True)
class PolicyInput:
    """A member of an operation's input that has a resource-based policy, and the error code for an invalid one."""

    member: str
    """JMESPath expression of the document."""
    error_code: str


def _no_values(_call: ApiCall, _requirement: Requirement) -> Values:
    return {}


def _no_tags(_arn: str) -> Mapping[str, str]:
    return {}


def _no_policy(_arn: str) -> None:
    return None


def _owner_in_arn(arn: str) -> str | None:
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    return account if account.isdigit() else None


@dataclass(frozen=True, kw_only=True)
class Service:
    """The enforced operations of one service and the exceptions from the default authorization."""

    name: str
    """The service's name in botocore."""
    prefix: str
    """The prefix of the service's actions."""
    signing_name: str
    backend: str
    """moto's name of the service."""
    source: str
    """The page of AWS's documentation from which the table was written."""
    operations: frozenset[str]
    actions: Mapping[str, str] = field(default_factory=dict)
    """Operations whose action has another name."""
    resources: Mapping[str, Resolver] = field(default_factory=dict)
    """The resolver of each resource type."""
    operation_resources: Mapping[str, Mapping[str, Resolver]] = field(default_factory=dict)
    """Resolvers of single operations, in place of those of `resources`. The data may lack their resource type."""
    arn_members: tuple[str, ...] = ()
    """Members that have the ARN of a resource of any type."""
    requirements: Mapping[str, Callable[[ApiCall], Iterable[Requirement]]] = field(default_factory=dict)
    """Operations that require several actions, or another action for each part of their input."""
    tagging: Mapping[str, str] = field(default_factory=dict)
    """Operations that require this action too if they create a resource with tags."""
    tag_members: tuple[str, ...] = ("Tags", "tags")
    condition_members: Mapping[str, str] = field(default_factory=dict)
    """Service-specific condition keys, and the JMESPath expressions of their values in the input."""
    context: Callable[[ApiCall, Requirement], Values] = _no_values
    """Returns condition keys that are not in the input."""
    list_tags: Callable[[str], Mapping[str, str]] = _no_tags
    find_policy: Callable[[str], Policy | None] = _no_policy
    """Returns the resource-based policy of a resource."""
    policy_must_allow: Callable[[str], bool] = lambda _arn: False
    """Returns whether the resource's policy must allow every request, as a KMS key policy must."""
    policy_inputs: Mapping[str, PolicyInput] = field(default_factory=dict)
    own_account_actions: frozenset[str] = frozenset()
    """Actions that a resource's policy cannot grant to another account."""
    find_owner: Callable[[str], str | None] = _owner_in_arn
    """Returns the account of a resource, or None for a resource without an account."""
    passed_roles: Mapping[str, tuple[PassedRole, ...]] = field(default_factory=dict)
    not_authorized: Mapping[str, str] = field(default_factory=dict)
    """Operations that require no action of the caller, with the reason."""
    unsigned: frozenset[str] = frozenset()
    """Operations that need no signature, because their input has a token."""
    not_executed: Mapping[str, str] = field(default_factory=dict)
    """Operations that the lab authorizes and then rejects, with the reason."""
    one_at_a_time: frozenset[str] = frozenset()
    """Operations of which moto executes one at a time: moto checks their condition and writes in two steps."""
    complete: Callable[[ApiCall], Mapping[str, Any]] = lambda call: call.params
    """Returns the input with the values that AWS takes for missing members, such as the caller's user name."""
    invalid_arn: tuple[str, int] = ("ValidationException", 400)
    """Error code and HTTP status for an ARN of another service or region."""
    is_regional: bool = True
    """Whether an ARN of another Region is an error of the request."""
    accepts: Callable[[Request], bool] = lambda _request: True
    """Returns whether the service serves a request of its signing name, which several services may share."""

    def action_of(self, operation: str) -> str:
        """Return the action that the operation requires by default."""
        return f"{self.prefix}:{self.actions.get(operation, operation)}"


def members(**variables: str) -> Resolver:
    """Return a resolver that fills an ARN format from the input.

    Each variable has the JMESPath expression of its values. The first variable can have several values, one for each
    resource. A value that is an ARN is the resource.
    """
    (first, expression), *others = variables.items()

    def resolve(call: ApiCall, resource_type: ResourceType) -> Iterable[str]:
        for value in call.find_all(expression):
            if value.startswith("arn:"):
                check_arn(call, value, [resource_type])
                yield value
                continue
            fixed = {name: next(call.find_all(other), "*") for name, other in others}
            yield resource_type.fill({**call_variables(call), **fixed, first: value})

    return resolve


def new(**variables: str) -> Resolver:
    """Return a resolver for the resource that a call creates. A variable has an expression, or `*` for a generated id.

    AWS authorizes the creation on an ARN with `*` in place of the id.
    """

    def resolve(call: ApiCall, resource_type: ResourceType) -> Iterable[str]:
        values = {name: "*" if other == "*" else next(call.find_all(other), "*") for name, other in variables.items()}
        yield resource_type.fill({**call_variables(call), **values})

    return resolve


def constant(arn_suffix: str) -> Resolver:
    """Return a resolver for a list operation: the ARN of the account's resources of a kind, as AWS's messages have."""

    def resolve(call: ApiCall, _resource_type: ResourceType) -> Iterable[str]:
        yield arn_suffix.format(**{name.lower(): value for name, value in call_variables(call).items()})

    return resolve


def any_of(*resolvers: Resolver) -> Resolver:
    """Return a resolver that yields the ARNs of the first of `resolvers` that has any."""

    def resolve(call: ApiCall, resource_type: ResourceType) -> Iterable[str]:
        return next((arns for resolver in resolvers if (arns := list(resolver(call, resource_type)))), [])

    return resolve


def call_variables(call: ApiCall) -> dict[str, str]:
    """Return the variables that every ARN format can have."""
    return {"Partition": call.partition, "Region": call.region, "Account": call.account}


def check_arn(call: ApiCall, arn: str, types: Iterable[ResourceType], *, in_region: bool = True) -> None:
    """Raise an error unless `arn` names a resource of one of `types` in the call's partition and region.

    Raises:
        InvalidArnError: it does not.
    """
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) != _ARN_PARTS or not any(entry.matches(arn) for entry in types):
        raise InvalidArnError(f"{arn} is not the ARN of a resource of {call.name}")
    if parts[1] != call.partition or (in_region and parts[3] not in {"", call.region}):
        raise InvalidArnError(f"{arn} is not in the partition {call.partition} and the region {call.region}")


def names(text: str) -> frozenset[str]:
    """Return the names in a text of names separated by blanks."""
    return frozenset(text.split())


def tag_mapping(tags: Any) -> dict[str, str]:
    """Return tags as a mapping. Services have them as a mapping or as a list of keys and values."""
    if isinstance(tags, Mapping):
        return {str(key): str(value) for key, value in tags.items()}
    pairs = {}
    for tag in tags or ():
        lowered = {str(name).lower(): value for name, value in tag.items()}
        key = lowered.get("key", lowered.get("tagkey"))
        value = lowered.get("value", lowered.get("tagvalue"))
        if key is not None:
            pairs[str(key)] = str(value or "")
    return pairs
