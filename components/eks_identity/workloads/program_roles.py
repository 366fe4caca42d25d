"""Roles that one component of a program creates and another one passes to pods, compared at preview.

A role's ARN is unknown until the role is created, so the role behind an Output is found by the resource that the Output
comes from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from eks_identity.errors import Problem
from eks_identity.evaluation.trust_conditions import ABSENT, AssumeRoleCall, find_denial_reason
from eks_identity.model.arns import Principal, same_arn
from eks_identity.model.session_tags import Session, find_document_needs, split_by_severity
from eks_identity.runtime.inputs import Inputs, InvalidInputError, resolve
from eks_identity.runtime.program_state import per_program


@dataclass(frozen=True)
class MissingTags:
    """Why the sessions of pods have no session tags."""

    reason: str = ""
    """Empty if they have session tags."""
    fix: str = ""
    """What gives them session tags, as an imperative; empty if nothing does."""


@dataclass(frozen=True)
class _Role:
    component: str
    """The component that creates it, as messages name it."""
    resource: pulumi.Resource
    arn: pulumi.Output[str]
    trust_policy: pulumi.Input[str]
    policies: Mapping[str, pulumi.Input[str]]
    """Its inline policies by name."""
    tags: Mapping[str, pulumi.Input[str]]


def remember_role(
    inputs: Inputs,
    role: Any,
    trust_policy: pulumi.Input[str],
    policies: Mapping[str, pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """Remember a role of this program, an `aws.iam.Role`."""
    _roles().append(_Role(inputs.subject, role, role.arn, trust_policy, policies, tags))


def check_role(
    inputs: Inputs,
    under: str,
    role: pulumi.Input[Principal],
    missing_tags: MissingTags,
    calls: pulumi.Input[Sequence[AssumeRoleCall]] | None = None,
) -> None:
    """Reject a role that the same program creates, if these pods could not assume it or not use its policies.

    `calls` are the calls by which the pods assume the role; with them its trust policy is compared too.
    """
    principal = pulumi.Output.from_input(role)
    roles = _roles()

    async def compare() -> None:
        existing = await _find(roles, principal)
        if existing is None:
            return
        session = Session(missing_tags.reason, missing_tags.fix, existing.tags)
        problems = await _unmet_needs(existing, under, session)
        if calls is not None:
            problems += await _untrusted_calls(existing, under, calls, missing_tags)
        if problems:
            raise InvalidInputError(problems, subject=inputs.subject)

    # Nothing waits for it: the role may itself depend on resources that use this ARN.
    comparison: pulumi.Input[Any] = compare()
    pulumi.Output.from_input(comparison)


async def _untrusted_calls(
    role: _Role, under: str, calls: pulumi.Input[Sequence[AssumeRoleCall]], missing_tags: MissingTags
) -> list[Problem]:
    policy = await resolve(role.trust_policy)
    problems = []
    for call in (await resolve(calls) or []) if policy else []:
        reason = find_denial_reason(policy or "", call)
        if reason is not None:
            rule = f"must be a role that {call.who} can assume: the trust policy of {role.component} {reason}"
            fix = f"change the inputs of {role.component} so that it trusts {call.who}"
            problems.append(Problem(under, rule, role.component, (ABSENT in reason and missing_tags.fix) or fix))
    return problems


async def _unmet_needs(role: _Role, under: str, session: Session) -> list[Problem]:
    problems: list[Problem] = []
    for name, policy in role.policies.items():
        text = await resolve(policy)
        if text is not None:
            unmet, _ = split_by_severity(find_document_needs(text, session), session)
            for need in unmet:
                needs = need.rule.replace("must not need", "needs")
                rule = f"must be a role whose policies its pods can use: policy {name} of {role.component} {needs}"
                fix = session.fix or f"change the policies of {role.component}"
                problems.append(Problem(under, rule, need.value, fix))
    return problems


async def _find(roles: Sequence[_Role], principal: pulumi.Output[Principal]) -> _Role | None:
    resources, value = await principal.resources(), await principal.future()
    for role in roles:
        if resources == {role.resource}:
            return role
    if value is None:
        return None
    for role in roles:
        arn: str | None = await role.arn.future()
        if arn is not None and same_arn(arn, value.arn):
            return role
    return None


def _roles() -> list[_Role]:
    return per_program(__name__, list)
