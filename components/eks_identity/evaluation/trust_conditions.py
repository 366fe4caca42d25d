"""Further conditions of trust policies, beside the component's own conditions on principals and subjects.

A condition key has a value only in some of the STS calls that assume a role:

| call                                          | caller       | further condition keys            |
|-----------------------------------------------|--------------|-----------------------------------|
| `AssumeRole` of EKS Pod Identity              | EKS          | `aws:Source…`, `aws:RequestTag/…` |
| `AssumeRoleWithWebIdentity` of IRSA           | the pod      | `aws:SourceIp`, `aws:SourceVpc` … |
| the same of a pipeline                        | its job      | the same                          |
| `AssumeRole` of another role                  | that role    | `aws:Principal…`, `sts:…`         |
| the same of EKS, with `target_role_arn`       | EKS          | `aws:Principal…`, `sts:ExternalId`|

STS reports only AccessDenied for a key without value, so such a condition is rejected. A condition that always holds
because its key has no value is rejected too.

Source: IAM user guide, "AWS global condition context keys" (availability), "IAM and AWS STS condition context keys";
EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from eks_identity.errors import Problem, Problems
from eks_identity.evaluation.iam import Condition, Policy, RequestContext, Truth, Values
from eks_identity.evaluation.iam.conditions import NotEvaluatedError, evaluate_condition
from eks_identity.model.session_tags import TAGS
from eks_identity.model.statements import Conditions, conditions, is_negated

INPUT: Final = "trust_conditions"
ABSENT: Final = "absent"

_EVERY_CALL = (
    *("aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:RequestedRegion", "aws:UserAgent"),
    *("aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:ResourceTag/", "iam:ResourceTag/"),
    *("aws:ViaAWSService", "sts:RoleSessionName"),
)
_NETWORK = (
    *("aws:SourceIp", "aws:VpcSourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"),
    *("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths"),
)
_SERVICE = (
    *("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:PrincipalIsAWSService"),
    *("aws:PrincipalServiceName", "aws:PrincipalServiceNamesList"),
)
_SESSION_TAGS = (*(f"aws:RequestTag/{tag}" for tag in TAGS), "aws:TagKeys", "sts:TransitiveTagKeys")
_PRINCIPAL = (
    *("aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalType"),
    *("aws:PrincipalIsAWSService", "aws:PrincipalTag/", "aws:userid", "aws:TokenIssueTime", "aws:FederatedProvider"),
    *("sts:ExternalId", "aws:RequestTag/", "aws:TagKeys", "sts:TransitiveTagKeys"),
)
_NO_CALL = (
    *("aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:username", "aws:CalledVia", "aws:CalledViaFirst"),
    *("aws:CalledViaLast", "aws:referer", "aws:Ec2InstanceSourceVpc", "aws:Ec2InstanceSourcePrivateIPv4"),
    *("aws:AssumedRoot", "aws:ChatbotSourceArn", "ec2:SourceInstanceArn", "ec2:RoleDelivery", "sts:DurationSeconds"),
    *("sts:TaskPolicyArn", "sts:AWSServiceName"),
)
"""Condition keys of AWS that have no value, or always the same value, in every call that assumes a pod's role."""


@dataclass(frozen=True)
class CallType:
    """An STS call that assumes a role, and its condition keys."""

    name: str
    keys: tuple[str, ...]
    """Condition keys that can have a value; a key that ends in a slash stands for all keys below it."""
    reason: str
    """Why other keys have no value."""

    def has(self, key: str) -> bool:
        return any(_matches_key(key, pattern) for pattern in self.keys)


POD_IDENTITY: Final = CallType(
    "AssumeRole of EKS Pod Identity",
    (*_EVERY_CALL, *_SERVICE, *_SESSION_TAGS),
    "EKS makes that call for the cluster, not the pod",
)
UNTAGGED_POD_IDENTITY: Final = CallType(
    "AssumeRole of EKS Pod Identity without session tags",
    (*_EVERY_CALL, *_SERVICE),
    "EKS makes that call for the cluster, with disable_session_tags",
)
IRSA: Final = CallType(
    "AssumeRoleWithWebIdentity of IRSA",
    (*_EVERY_CALL, *_NETWORK, "aws:FederatedProvider"),
    "the pod makes that call with a token of Kubernetes, without AWS credentials and tags",
)
PIPELINE: Final = CallType(
    "AssumeRoleWithWebIdentity of a pipeline",
    (*_EVERY_CALL, *_NETWORK, "aws:FederatedProvider"),
    "a job makes that call with a token of its CI service, without AWS credentials and tags",
)
ROLE: Final = CallType(
    "AssumeRole of another role",
    (*_EVERY_CALL, *_NETWORK, *_PRINCIPAL, "sts:SourceIdentity", "aws:SourceIdentity"),
    "a role makes that call, not a service",
)
TARGET: Final = CallType(
    "AssumeRole of EKS with target_role_arn",
    (*_EVERY_CALL, *_PRINCIPAL),
    "EKS makes that call with the session of the association's role",
)
_ALL = (POD_IDENTITY, IRSA, PIPELINE, ROLE, TARGET)
_INTENDED_KEYS = (
    (frozenset({POD_IDENTITY}), "aws:principalorgid", "aws:SourceOrgID"),
    (frozenset({POD_IDENTITY}), "aws:principalorgpaths", "aws:SourceOrgPaths"),
    (frozenset({POD_IDENTITY}), "aws:principalaccount", "aws:SourceAccount"),
    (frozenset({ROLE, TARGET}), "aws:sourceorgid", "aws:PrincipalOrgID"),
    (frozenset({ROLE, TARGET}), "aws:sourceorgpaths", "aws:PrincipalOrgPaths"),
    (frozenset({ROLE, TARGET}), "aws:sourceaccount", "aws:PrincipalAccount"),
    (frozenset({ROLE, TARGET}), "aws:sourcearn", "aws:PrincipalArn"),
)
"""Calls, a wrong key in lower case, and the key that was probably intended."""
_CLAIM = re.compile(r"[^:]*[./].*:[a-z]+")
_CLUSTER = "cluster/"


@dataclass(frozen=True)
class AssumeRoleCall:
    """An STS call that assumes one role, with the resolved values of its condition keys."""

    call: CallType
    who: str = ""
    """The requester in messages, such as `an association of NAMESPACE/NAME`."""
    context: Values | None = None
    """The resolved values by condition key."""
    principal: str = ""
    """The principal of the trust policy: the service, or the ARN (or a part of it) of the OIDC provider."""


def parse(specs: Sequence[Mapping[str, Any]], calls: Sequence[AssumeRoleCall]) -> Conditions:
    """Return the `Condition` of the input; raise `InvalidInput` for conditions that cannot hold, or fail, in `calls`.

    A value of None is an unresolved Output, and is not checked.
    """
    with Problems() as problems:
        problems.parse(INPUT, conditions, specs)
        if not problems.items:
            for index, condition in enumerate(specs):
                problems.extend(_problems(condition, calls), f"{INPUT}[{index}]")
    return conditions(specs)


def find_denial_reason(trust_policy: str, assumed: AssumeRoleCall) -> str | None:
    """Return why a trust policy does not allow this call, as far as its keys are resolved; None if it may allow it."""
    reason = f"does not name {assumed.principal}"
    for statement in Policy.parse(trust_policy).statements:
        names = [name for values in (statement.principals or {}).values() for name in values]
        if statement.effect != "Allow" or not any(assumed.principal in name for name in names):
            continue
        failing = [
            f"compares {condition.key}, which is {_describe_value(assumed, condition.key)} in this call"
            for condition in statement.conditions
            if _cannot_hold(condition, assumed, has_variables=statement.has_variables)
        ]
        if not failing:
            return None
        reason = failing[0]
    return reason


def _cannot_hold(condition: Condition, assumed: AssumeRoleCall, *, has_variables: bool) -> bool:
    """Return whether a condition is false in a call, whatever the values of the keys that are not resolved."""
    is_tag = condition.key.lower().startswith("aws:requesttag/")
    absent = [condition.key] if is_tag and not assumed.call.has(condition.key) else []
    context = RequestContext(assumed.context, absent=absent)
    try:
        return evaluate_condition(condition, context, has_variables=has_variables) is Truth.NO
    except NotEvaluatedError:
        return False


def _describe_value(assumed: AssumeRoleCall, key: str) -> str:
    value = {name.lower(): value for name, value in (assumed.context or {}).items()}.get(key.lower())
    return ABSENT if value is None else str(value)


def _problems(condition: Mapping[str, Any], calls: Sequence[AssumeRoleCall]) -> Iterator[Problem]:
    test, key = str(condition["test"]), str(condition["variable"])
    values = [str(value) for value in condition["values"] if value is not None]
    if test == "Null" and not values:
        return
    distinct = tuple(dict.fromkeys(assumed.call for assumed in calls))
    without = [call for call in distinct if not call.has(key)]
    if without:
        yield from _without_key(test, key, values, without, distinct)
        if len(without) == len(distinct):
            return
    if test.rpartition(":")[2] == "Null":
        return
    if any(call in {POD_IDENTITY, UNTAGGED_POD_IDENTITY} for call in distinct) and key.lower() == "aws:sourcearn":
        yield from _source_arn_problems(test, values)
    for assumed in calls:
        if assumed.call.has(key):
            yield from _unsatisfied(test, key, values, assumed)


def _without_key(
    test: str, key: str, values: list[str], without: Sequence[CallType], calls: Sequence[CallType]
) -> Iterator[Problem]:
    """Yield the problems of a condition whose key has no value in some of the calls."""
    call = without[0]
    if _CLAIM.fullmatch(key):
        rule = "must not be a claim of the token: the component compares sub and aud itself"
        yield Problem(
            "variable", rule, key, "remove it, and name the service accounts or jobs in the component's own inputs"
        )
    elif not _holds_without_key(test, key, values):
        rule = f"must be a condition key that has a value in {call.name}: {call.reason}, and AWS denies the call"
        yield Problem("variable", rule, key, _fix(test, key, without, calls))
    elif len(without) == len(calls):
        rule = f"must be a condition that can fail: {key} has no value in {call.name}, and so it always holds"
        yield Problem("variable", rule, key, "remove it")


def _holds_without_key(test: str, key: str, values: Sequence[str]) -> bool:
    return evaluate_condition(Condition(test, key, tuple(values)), RequestContext(absent=[key])) is Truth.YES


def _fix(test: str, key: str, without: Sequence[CallType], calls: Sequence[CallType]) -> str:
    if len(without) < len(calls) and not test.endswith("Null"):
        return f"write {test}IfExists, which holds if the key has no value; or remove the condition"
    if key.lower().startswith("aws:principaltag/") and POD_IDENTITY in without:
        return f"write aws:RequestTag/{key.partition('/')[2]}; or remove the condition"
    for affected, wrong, intended in _INTENDED_KEYS:
        if key.lower() == wrong and set(without) & affected:
            return f"write {intended}; or remove the condition"
    known_keys = {name.lower() for name in (*(name for call in _ALL for name in call.keys), *_NO_CALL)}
    if key.lower() not in known_keys:
        possible = {name.lower(): name for call in calls for name in call.keys}
        close = get_close_matches(key.lower(), possible, n=1, cutoff=0.75)
        if close:
            return f"did you mean {possible[close[0]]}? or remove the condition"
    return "remove the condition"


def _source_arn_problems(test: str, values: list[str]) -> Iterator[Problem]:
    """Yield the problems of values of `aws:SourceArn`, which EKS sets to the cluster's ARN, not the association's."""
    if is_negated(test):
        return
    for index, value in enumerate(values):
        parts = value.split(":", 5)
        if value != "*" and "${" not in value and not (len(parts) == 6 and _may_match_cluster(parts[5], parts[2])):
            rule = "must match the ARN of a cluster, which EKS sets as aws:SourceArn"
            fix = "write the cluster's ARN, such as Cluster.arn; or remove the condition"
            yield Problem(f"values[{index}]", rule, value, fix)


def _may_match_cluster(resource: str, service: str) -> bool:
    prefix = re.split(r"[*?]", resource, maxsplit=1)[0]
    matches_resource = prefix.startswith(_CLUSTER) or (prefix != resource and _CLUSTER.startswith(prefix))
    return matches_resource and re.split(r"[*?]", service, maxsplit=1)[0] in {"eks", "ek", "e", ""}


def _unsatisfied(test: str, key: str, values: list[str], assumed: AssumeRoleCall) -> Iterator[Problem]:
    actual = {name.lower(): value for name, value in (assumed.context or {}).items()}.get(key.lower())
    if actual is None or not values:
        return
    if _cannot_hold(Condition(test, key, tuple(values)), assumed, has_variables=True):
        text = actual if isinstance(actual, str) else ", ".join(actual)
        rule = f"must hold when {assumed.who} assumes the role: {key} is {text} in this call, and AWS denies it"
        fix = "remove the condition" if is_negated(test) else f"write {text}; or remove the condition"
        yield Problem("values", rule, values, fix)


def _matches_key(key: str, pattern: str) -> bool:
    key, pattern = key.lower(), pattern.lower()
    return key == pattern or (pattern.endswith("/") and key.startswith(pattern) and len(key) > len(pattern))
