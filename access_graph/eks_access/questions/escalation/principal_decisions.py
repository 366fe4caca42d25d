"""What the policies of one user, role or group allow it to do in AWS, with the statements that allow it.

Conditions on keys that depend on the session, the time or the caller's choice make a permission conditional. Service
control policies are not in the graph.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from eks_access.questions.aws.principal_policies import PrincipalPolicies, is_on
from eks_access.questions.escalation.permissions import Allowed, Permission, StatementOrigin, TrustOrigin
from eks_identity.evaluation.iam import (
    Answer,
    Evaluation,
    Policies,
    Policy,
    Request,
    RequestContext,
    UndecidedStatement,
    Values,
    evaluate,
    matches,
)
from eks_identity.model.arns import Arn, account_of, is_aws_managed
from eks_identity.model.partitions import PARTITIONS, Partition

_EVERY_RESOURCE = frozenset(
    {"*", *(f"arn:{name}:iam::{rest}" for name in (*PARTITIONS, "*") for rest in ("*:role/*", "*:*", "*"))}
)
_ALLOW_ALL = Policy.parse({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "all permissions")
_ADMINISTRATION = ("any-service:AnyAction", "iam:CreatePolicyVersion")
"""Actions that only a principal with all permissions is allowed on every resource: one is of no service."""


class PrincipalDecisions:
    """The decisions of the policies of a user, a role, or a member of a group."""

    def __init__(self, policies: PrincipalPolicies) -> None:
        self.policies = policies
        self.arn = policies.arn
        self.may_allow = policies.may_allow
        self.own_managed = tuple(dict.fromkeys(arn for arn in policies.managed if not is_aws_managed(arn)))
        """ARNs of its customer managed policies."""
        self.not_evaluated: dict[str, None] = {}
        """What decisions so far depend on and is not understood or not known."""

    @property
    def account(self) -> str:
        return account_of(self.arn)

    @property
    def partition(self) -> Partition:
        return Arn.parse(self.arn).partition

    @cached_property
    def _context(self) -> RequestContext:
        return self.policies.context(has_other_tags=True)

    def is_on_every_resource(self, action: str) -> bool:
        """Return whether all statements on the action, the Denies too, are on every resource of IAM."""
        return all(
            statement.resources is not None
            and any(template.text in _EVERY_RESOURCE for template in statement.resources)
            and not statement.conditions
            for statement in self.policies.statements
            if is_on(statement, action)
        )

    def candidates(self, action: str, arns: Collection[str]) -> list[str]:
        """Return those of `arns` on which a statement may allow the action."""
        found: dict[str, None] = {}
        for statement in self.policies.on(action):
            templates = statement.resources
            if templates is None or any("${" in template.text for template in templates):
                return list(arns)
            for template in templates:
                if "*" not in template.text and "?" not in template.text:
                    found |= {template.text: None} if template.text in arns else {}
                elif template.text == "*":
                    return list(arns)
                else:
                    found |= dict.fromkeys(arn for arn in arns if matches(template.text, arn))
        return list(found)

    def decide(self, action: str, resource: str, keys: Values | None = None) -> Allowed | None:
        """Return what allows an action on a resource of the same account; None if nothing does."""
        request = Request(action, resource, self.policies.principal, self._context.updated(keys or {}))
        return self._allowed(evaluate(request, self.policies.policies), action, resource)

    def decide_own(self, action: str) -> Allowed | None:
        """Return what allows an action on a resource that the caller names."""
        if not self.may_allow(action):
            return None
        decisions = [self.decide(action, resource) for resource in self._examples(action)]
        return min(filter(None, decisions), key=lambda each: len(each.conditions), default=None)

    def _examples(self, action: str) -> list[str]:
        """Return resources that fit the statements on an action, whose resource the caller names itself."""
        templates = [template for each in self.policies.on(action) for template in each.resources or ()]
        texts = ["any" if each.text == "*" else each.text.replace("*", "any").replace("?", "a") for each in templates]
        return list(dict.fromkeys(["any", *texts]))

    def assume(self, role_arn: str, trust: Policy, keys: Values | None = None) -> Allowed | None:
        """Return what allows to assume a role, by its trust policy and by the caller's own policies."""
        context, account = self._context.updated(keys or {}), account_of(role_arn)
        request = Request("sts:AssumeRole", role_arn, self.policies.principal, context, account)
        own = self.policies.policies
        policies = Policies(own.identity, trust, own.boundary, is_resource_policy_required=True)
        decision = evaluate(request, policies)
        if decision.is_allowed and all(statement.policy == trust.name for statement in decision.statements):
            return Allowed(Permission(f"sts:AssumeRole on {role_arn}", TrustOrigin(self.arn, role_arn)))
        return self._allowed(decision, "sts:AssumeRole", role_arn)

    def _allowed(self, decision: Evaluation, action: str, resource: str) -> Allowed | None:
        if decision.answer is Answer.NOT_EVALUATED:
            # A policy that is not known leaves every action open: it is listed once, and not for each action.
            self.not_evaluated |= {f"permissions of {self.arn}: {each}": None for each in decision.not_evaluated}
        if decision.answer not in {Answer.ALLOWED, Answer.CONDITIONAL}:
            return None
        statements = decision.statements or tuple(each.statement for each in decision.conditions)
        permission = Permission(f"{action} on {resource}", StatementOrigin(self.arn, action, resource, statements))
        return Allowed(permission, tuple(dict.fromkeys(map(_condition, decision.conditions))))

    @cached_property
    def administration(self) -> tuple[str, ...] | None:
        """The conditions under which the principal is an administrator of its account; None if it is not."""
        if not self.may_allow(_ADMINISTRATION[0]):
            return None
        decisions = [self.decide(action, "any") for action in _ADMINISTRATION]
        if any(decision is None for decision in decisions):
            return None
        return tuple(dict.fromkeys(text for decision in decisions if decision for text in decision.conditions))

    @cached_property
    def is_limited(self) -> bool:
        """Whether a permissions boundary keeps the principal from being an administrator, whatever its policies."""
        boundary = self.policies.policies.boundary
        if boundary is None:
            return False
        policies = Policies((_ALLOW_ALL,), boundary=boundary)
        return any(not evaluate(Request(action, "any"), policies).is_allowed for action in _ADMINISTRATION)


def _condition(undecided: UndecidedStatement) -> str:
    parts = " and ".join(map(str, undecided.parts))
    return parts if undecided.statement.effect == "Allow" else f"not {parts}"
