"""Conditions that a trust policy has besides those that say who may assume the role.

A condition key has a value in some of the calls by which a role is assumed, and none in others:

| call                                          | who makes it | what is compared besides          |
|-----------------------------------------------|--------------|-----------------------------------|
| `AssumeRole` of EKS Pod Identity              | EKS          | `aws:Source…`, `aws:RequestTag/…` |
| `AssumeRoleWithWebIdentity` of IRSA           | the pod      | `aws:SourceIp`, `aws:SourceVpc` … |
| `AssumeRole` of another role                  | that role    | `aws:Principal…`, `sts:…`         |
| the same of EKS, with `target_role_arn`       | EKS          | `aws:Principal…`, `sts:ExternalId`|

STS reports a key without value as AccessDenied and nothing else, so such a condition is rejected; and so is one that
always holds because its key has no value.

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
from eks_identity.evaluation.iam_policies import Context, UnclearError, satisfied, statements
from eks_identity.model.session_tags import TAGS
from eks_identity.model.statements import Conditions, conditions, holds_without_key, is_negated

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
"""Keys of AWS that have no value, or always the same, where a pod's role is assumed."""


@dataclass(frozen=True)
class Call:
    """How a role is assumed."""

    name: str
    keys: tuple[str, ...]
    """The condition keys that can have a value; one that ends in a slash stands for all below it."""
    because: str
    """Why others have none."""

    def has(self, key: str) -> bool:
        return any(_is_of(key, known) for known in self.keys)


POD_IDENTITY: Final = Call(
    "AssumeRole of EKS Pod Identity",
    (*_EVERY_CALL, *_SERVICE, *_SESSION_TAGS),
    "EKS makes that call for the cluster, not the pod",
)
UNTAGGED_POD_IDENTITY: Final = Call(
    "AssumeRole of EKS Pod Identity without session tags",
    (*_EVERY_CALL, *_SERVICE),
    "EKS makes that call for the cluster, with disable_session_tags",
)
IRSA: Final = Call(
    "AssumeRoleWithWebIdentity of IRSA",
    (*_EVERY_CALL, *_NETWORK, "aws:FederatedProvider"),
    "the pod makes that call with a token of Kubernetes, without AWS credentials and tags",
)
ROLE: Final = Call(
    "AssumeRole of another role",
    (*_EVERY_CALL, *_NETWORK, *_PRINCIPAL, "sts:SourceIdentity", "aws:SourceIdentity"),
    "a role makes that call, not a service",
)
TARGET: Final = Call(
    "AssumeRole of EKS with target_role_arn",
    (*_EVERY_CALL, *_PRINCIPAL),
    "EKS makes that call with the session of the association's role",
)
_ALL = (POD_IDENTITY, IRSA, ROLE, TARGET)
_INSTEAD = (
    (frozenset({POD_IDENTITY}), "aws:principalorgid", "aws:SourceOrgID"),
    (frozenset({POD_IDENTITY}), "aws:principalorgpaths", "aws:SourceOrgPaths"),
    (frozenset({POD_IDENTITY}), "aws:principalaccount", "aws:SourceAccount"),
    (frozenset({ROLE, TARGET}), "aws:sourceorgid", "aws:PrincipalOrgID"),
    (frozenset({ROLE, TARGET}), "aws:sourceorgpaths", "aws:PrincipalOrgPaths"),
    (frozenset({ROLE, TARGET}), "aws:sourceaccount", "aws:PrincipalAccount"),
    (frozenset({ROLE, TARGET}), "aws:sourcearn", "aws:PrincipalArn"),
)
"""The key that was most likely meant."""
_CLAIM = re.compile(r"[^:]*[./].*:[a-z]+")
_CLUSTER = "cluster/"


@dataclass(frozen=True)
class Assumed:
    """One call by which the role is assumed, and what its keys are there."""

    call: Call
    who: str = ""
    """On whose behalf, as messages call it."""
    context: Context | None = None
    """The values that are known."""
    principal: str = ""
    """What the trust policy names as principal: the service, the OIDC provider's ARN or a part of it."""


def parse(given: Sequence[Mapping[str, Any]], calls: Sequence[Assumed]) -> Conditions:
    """The `Condition` that `given` makes; rejects what cannot hold, or cannot fail, in `calls`.

    A value that is None is not known yet and not checked.
    """
    with Problems() as problems:
        problems.parse(INPUT, conditions, given)
        if not problems.found:
            for index, condition in enumerate(given):
                problems.extend(_problems(condition, calls), f"{INPUT}[{index}]")
    return conditions(given)


def refused_by(trust_policy: str, assumed: Assumed) -> str | None:
    """Why a trust policy does not allow this call, as far as can be known; None where it may."""
    reason = f"does not name {assumed.principal}"
    for statement in statements(trust_policy):
        principals = statement.get("Principal", {})
        if statement.get("Effect") != "Allow" or assumed.principal not in str(principals):
            continue
        failing = [
            f"compares {key}, which is {_shown(assumed, key)} there"
            for test, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
            if _cannot_hold(test, key, [values] if isinstance(values, str) else list(values), assumed)
        ]
        if not failing:
            return None
        reason = failing[0]
    return reason


def _cannot_hold(test: str, key: str, values: list[str], assumed: Assumed) -> bool:
    if key.lower() in {name.lower() for name in assumed.context or {}}:
        return next(_not_satisfied(test, key, values, assumed), None) is not None
    is_tag = key.lower().startswith("aws:requesttag/")
    return is_tag and not assumed.call.has(key) and not holds_without_key(test, values)


def _shown(assumed: Assumed, key: str) -> str:
    found = {name.lower(): value for name, value in (assumed.context or {}).items()}.get(key.lower())
    return ABSENT if found is None else str(found)


def _problems(condition: Mapping[str, Any], calls: Sequence[Assumed]) -> Iterator[Problem]:
    test, key = str(condition["test"]), str(condition["variable"])
    values = [str(value) for value in condition["values"] if value is not None]
    if test == "Null" and not values:
        return
    ways = tuple(dict.fromkeys(assumed.call for assumed in calls))
    without = [call for call in ways if not call.has(key)]
    if without:
        yield from _without_key(test, key, values, without, ways)
        if len(without) == len(ways):
            return
    if test.rpartition(":")[2] == "Null":
        return
    if any(call in {POD_IDENTITY, UNTAGGED_POD_IDENTITY} for call in ways) and key.lower() == "aws:sourcearn":
        yield from _not_of_a_cluster(test, values)
    for assumed in calls:
        if assumed.call.has(key):
            yield from _not_satisfied(test, key, values, assumed)


def _without_key(
    test: str, key: str, values: list[str], without: Sequence[Call], ways: Sequence[Call]
) -> Iterator[Problem]:
    """What is wrong with a condition whose key has no value in some of the calls."""
    call = without[0]
    if _CLAIM.fullmatch(key):
        rule = "must not be a claim of the token: the component compares sub and aud itself"
        yield Problem("variable", rule, key, "remove it, and name the service accounts in the component's own inputs")
    elif not holds_without_key(test, values):
        rule = f"must be a condition key that has a value in {call.name}: {call.because}, and AWS denies the call"
        yield Problem("variable", rule, key, _fix(test, key, without, ways))
    elif len(without) == len(ways):
        rule = f"must be a condition that can fail: {key} has no value in {call.name}, and so it always holds"
        yield Problem("variable", rule, key, "remove it")


def _fix(test: str, key: str, without: Sequence[Call], ways: Sequence[Call]) -> str:
    if len(without) < len(ways) and not test.endswith("Null"):
        return f"write {test}IfExists, which holds where the key has no value; or remove the condition"
    if key.lower().startswith("aws:principaltag/") and POD_IDENTITY in without:
        return f"write aws:RequestTag/{key.partition('/')[2]}; or remove the condition"
    for calls, wrong, instead in _INSTEAD:
        if key.lower() == wrong and set(without) & calls:
            return f"write {instead}; or remove the condition"
    if key.lower() not in {one.lower() for one in (*(one for call in _ALL for one in call.keys), *_NO_CALL)}:
        possible = {one.lower(): one for call in ways for one in call.keys}
        near = get_close_matches(key.lower(), possible, n=1, cutoff=0.75)
        if near:
            return f"did you mean {possible[near[0]]}? or remove the condition"
    return "remove the condition"


def _not_of_a_cluster(test: str, values: list[str]) -> Iterator[Problem]:
    """`aws:SourceArn` is the cluster's ARN in Pod Identity, not the association's or the pod's."""
    if is_negated(test):
        return
    for index, value in enumerate(values):
        parts = value.split(":", 5)
        if value != "*" and "${" not in value and not (len(parts) == 6 and _may_be(parts[5], parts[2])):
            rule = "must match the ARN of a cluster: that is what EKS gives as aws:SourceArn"
            fix = "write the cluster's ARN, such as Cluster.arn; or remove the condition"
            yield Problem(f"values[{index}]", rule, value, fix)


def _may_be(resource: str, service: str) -> bool:
    fixed = re.split(r"[*?]", resource, maxsplit=1)[0]
    begins = fixed.startswith(_CLUSTER) or (fixed != resource and _CLUSTER.startswith(fixed))
    return begins and re.split(r"[*?]", service, maxsplit=1)[0] in {"eks", "ek", "e", ""}


def _not_satisfied(test: str, key: str, values: list[str], assumed: Assumed) -> Iterator[Problem]:
    known = {name.lower(): value for name, value in (assumed.context or {}).items()}.get(key.lower())
    if known is None or not values or any("${" in value for value in values):
        return
    try:
        holds = satisfied({"Condition": {test: {key: values}}}, assumed.context or {})
    except UnclearError:
        return
    if not holds:
        shown = known if isinstance(known, str) else ", ".join(known)
        rule = f"must hold where {assumed.who} assumes the role: {key} is {shown} there, and AWS denies the call"
        fix = "remove the condition" if is_negated(test) else f"write {shown}; or remove the condition"
        yield Problem("values", rule, values, fix)


def _is_of(key: str, known: str) -> bool:
    key, known = key.lower(), known.lower()
    return key == known or (known.endswith("/") and key.startswith(known) and len(key) > len(known))
