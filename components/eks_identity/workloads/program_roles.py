"""Roles that one component creates and another one gives to pods: whether the two fit is seen in the preview.

A role's ARN is unknown while the role is still to be created, so the role behind an Output is found by the resource
that the Output comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from eks_identity.errors import Problem
from eks_identity.evaluation.trust_conditions import ABSENT, Assumed, refused_by
from eks_identity.model.arns import same_arn
from eks_identity.model.session_tags import Session, needs_of_document, split
from eks_identity.runtime.inputs import Inputs, InvalidInputError, known
from eks_identity.runtime.program_state import per_program


@dataclass(frozen=True)
class _Role:
    who: str
    """The component that creates it, as messages call it."""
    role: pulumi.Resource
    arn: pulumi.Output[str]
    trust_policy: pulumi.Input[str]
    policies: Mapping[str, pulumi.Input[str]]
    """Its inline policies by name."""
    tags: Mapping[str, Any]


def declare(
    inputs: Inputs,
    role: Any,
    trust_policy: pulumi.Input[str],
    policies: Mapping[str, pulumi.Input[str]],
    tags: Mapping[str, Any] | None,
) -> None:
    """Remember a role of this program, an `aws.iam.Role`."""
    _roles().append(_Role(inputs.subject, role, role.arn, trust_policy, policies, tags or {}))


def check(
    inputs: Inputs,
    under: str,
    arn: pulumi.Input[str],
    *,
    untagged: str = "",
    fix: str = "",
    calls: pulumi.Input[list[Assumed]] | None = None,
) -> None:
    """Reject `arn` where the same program creates the role, and these pods could not assume or not use it.

    `untagged` says why the pods' sessions have no session tags, if they have none, `fix` what gives them theirs, and
    `calls` how the pods assume the role: then its trust policy is compared too.
    """
    late = pulumi.Output.from_input(arn)
    declared = _roles()

    async def compare() -> None:
        found = await _find(declared, late)
        if found is None:
            return
        problems = await _unmet_needs(found, under, Session(untagged, fix, found.tags))
        trust = await known(found.trust_policy)
        for call in (await known(calls) or []) if calls is not None and trust is not None else []:
            reason = refused_by(trust or "", call)
            if reason is not None:
                rule = f"must be a role that {call.who} can assume: the trust policy of {found.who} {reason}"
                trusting = f"change the inputs of {found.who} so that it trusts {call.who}"
                problems.append(Problem(under, rule, found.who, (ABSENT in reason and fix) or trusting))
        if problems:
            raise InvalidInputError(problems, subject=inputs.subject)

    # Nothing waits for it: the role may itself depend on what is made with this ARN.
    compared: pulumi.Input[Any] = compare()
    pulumi.Output.from_input(compared)


async def _unmet_needs(found: _Role, under: str, session: Session) -> list[Problem]:
    problems: list[Problem] = []
    for name, policy in found.policies.items():
        text = await known(policy)
        if text is not None:
            unmet, _ = split(needs_of_document(text, session), session)
            for need in unmet:
                rule = f"must be a role whose policies its pods can use: policy {name} of {found.who} {_needs(need)}"
                fix = session.fix or f"change the policies of {found.who}"
                problems.append(Problem(under, rule, need.value, fix))
    return problems


def _needs(need: Problem) -> str:
    return need.rule.replace("must not need", "needs")


async def _find(declared: list[_Role], arn: pulumi.Output[str]) -> _Role | None:
    resources, value = await arn.resources(), await arn.future()
    for one in declared:
        if resources == {one.role}:
            return one
    if value is None:
        return None
    for one in declared:
        own: str | None = await one.arn.future()
        if own is not None and same_arn(own, value):
            return one
    return None


def _roles() -> list[_Role]:
    return per_program(__name__, list)
