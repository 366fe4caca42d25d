"""Permissions by all policies of a principal: the identity policies within the boundary and the session policy.

A request must be allowed in each of the three, and denied in none. So the effective permissions are one list of Allow
statements, what each has in common with those of the other policies, and the Denies of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from eks_access.questions.aws.principal_policies import PrincipalPolicies
from eks_access.questions.aws.statements import in_session, intersections, is_unknown_policy
from eks_access.questions.permission_words import Permission
from eks_identity.evaluation import role_sessions
from eks_identity.evaluation.iam import Policy, RequestContext, Statement
from eks_identity.model.arns import account_of
from eks_identity.model.session_tags import TAGS


@dataclass(frozen=True, eq=False)
class EffectivePermissions:
    """The effective permissions of a principal or session."""

    allows: tuple[Statement, ...] = ()
    denies: tuple[Statement, ...] = ()

    @cached_property
    def policy(self) -> Policy:
        """All of it as one policy."""
        return Policy("effective permissions", (*self.allows, *self.denies))

    @property
    def problems(self) -> tuple[str, ...]:
        """The parts that are not evaluated."""
        found = (problem for statement in self.policy.statements for problem in statement.problems)
        return tuple(dict.fromkeys(found))


def effective_permissions(
    principal: PrincipalPolicies, session_tags: Mapping[str, str] | None = None
) -> EffectivePermissions:
    """Return what the policies of a principal allow. Conditions on its tags and its ARN are evaluated."""
    context = _context(principal, session_tags or {})
    policies = principal.policies
    allows = list(_of_effect(policies.identity, "Allow", context))
    denies = list(_of_effect(policies.identity, "Deny", context))
    limits = [[policies.boundary]] if policies.boundary is not None else []
    for limit in (*limits, *([policies.session] if policies.session else [])):
        within = list(_of_effect(limit, "Allow", context))
        allows = [common for allow in allows for other in within for common in intersections(allow, other)]
        denies += _of_effect(limit, "Deny", context)
    return EffectivePermissions(tuple(allows), tuple(denies))


def _context(principal: PrincipalPolicies, tags: Mapping[str, str]) -> RequestContext:
    """Return the condition keys that are equal in all requests of the principal."""
    keys = role_sessions.principal_tags({**principal.tags, **tags})
    keys |= {"aws:PrincipalArn": principal.arn, "aws:PrincipalAccount": account_of(principal.arn)}
    if ":user/" in principal.arn:
        keys["aws:username"] = principal.arn.rpartition("/")[2]
    unknown = [f"aws:PrincipalTag/{tag}" for tag in TAGS] if tags else []
    return RequestContext(keys, absent=["aws:PrincipalTag/*"], unknown=unknown)


def _of_effect(policies: Iterable[Policy], effect: str, context: RequestContext) -> Iterator[Statement]:
    for policy in policies:
        for statement in policy.statements:
            if statement.effect == effect and (found := in_session(statement, context)) is not None:
                yield found


def permissions_in_words(statements: Iterable[Statement]) -> tuple[Permission, ...]:
    """Return statements as permissions: those with the same resources and conditions are one."""
    actions_of: dict[tuple[tuple[str, ...], str], dict[str, None]] = {}
    for statement in statements:
        key = (resource_words(statement), condition_words(statement))
        actions_of.setdefault(key, {}).update(dict.fromkeys(action_words(statement)))
    resources_of: dict[tuple[tuple[str, ...], str], dict[str, None]] = {}
    for (resources, scope), actions in actions_of.items():
        resources_of.setdefault((tuple(sorted(actions)), scope), {}).update(dict.fromkeys(resources))
    return tuple(Permission(actions, tuple(found), scope) for (actions, scope), found in resources_of.items())


def action_words(statement: Statement) -> tuple[str, ...]:
    """Return the actions of a statement, in words if it has `NotAction`."""
    if is_unknown_policy(statement):
        return (f"the actions of {statement.policy}",)
    if statement.not_actions is not None:
        return (_except("all actions", statement.not_actions),)
    return statement.actions or ()


def resource_words(statement: Statement) -> tuple[str, ...]:
    """Return the resources of a statement, in words if it has `NotResource`."""
    if is_unknown_policy(statement):
        return ("its resources",)
    if statement.not_resources is not None:
        return (_except("all resources", [template.text for template in statement.not_resources]),)
    return tuple(template.text for template in statement.resources or ()) or ("*",)


def condition_words(statement: Statement) -> str:
    """Return the conditions of a statement, and what of it is not evaluated; empty without both."""
    conditions = " and ".join(str(condition) for condition in statement.conditions)
    is_unclear = statement.problems and not is_unknown_policy(statement)
    unclear = f"not evaluated: {'; '.join(statement.problems)}" if is_unclear else ""
    return ", ".join(part for part in (f"if {conditions}" if conditions else "", unclear) if part)


def _except(everything: str, patterns: Sequence[str]) -> str:
    return f"{everything} except {', '.join(patterns)}" if patterns else everything
